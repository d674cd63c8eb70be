"""The level "landlock": confines a submission's kernel where bubblewrap cannot run, with Landlock and seccomp.

A script that the grader starts in place of the kernel's command; `command` builds its arguments:

    python -I landlock.py '{"read": [...], "write": [...], "devices": [...], "grader": 123}' -- COMMAND ...

    launcher     what the grader knows and ends; hands on the command's status
      guard      in a session of its own; ends all that was started when the command, the launcher or the grader ends
        COMMAND  without capabilities, under Landlock and seccomp, in a process group that nothing it starts can leave

Status: the command's, 128 + signal where one ended it, 125 where it could not be confined, 126 or 127 where it could
not start.

What it leaves out: limits on memory, processors, disk and processes, which sandbox.py sets. Against bubblewrap it is
weaker: where a path is known, it can be asked whether there is a file, how large and how old; process numbers, the
host's name and its load are seen. And it is stricter: no links, pseudo-terminals (`!command`), sessions, connections,
semaphores or shared memory (so no DataLoader with workers), no change of a file's owner, and changes of its mode and
times come to nothing.
"""

import contextlib
import ctypes
import errno
import json
import os
import signal
import stat
import struct
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyseccomp import SyscallFilter

MACHINES = ("x86_64", "aarch64")  # where the system calls below have the numbers and arguments that are assumed
MIN_ABI = 3  # of Landlock; below it, any file can be truncated
GRADER_GONE_S = 0.5  # until a grader's end is noticed

# what Python, torch, matplotlib and IPython read of the system; /proc/self is the command, not what it starts
_WANTED = """
    /usr /lib /lib64 /bin /sbin /etc/ld.so.cache /etc/localtime /etc/fonts /var/cache/fontconfig
    /proc/cpuinfo /proc/meminfo /sys/devices/system/cpu
    /proc/self/maps /proc/self/stat /proc/self/statm /proc/self/status
"""
SYSTEM = tuple(path for path in _WANTED.split() if os.path.exists(path))

# linux/landlock.h
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls
CREATE_RULESET_VERSION, RULE_PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_DIR, MAKE_REG, MAKE_SOCK, REFER, TRUNCATE, IOCTL_DEV = (1 << bit for bit in (7, 8, 9, 13, 14, 15))
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # a rule for a file may hold no others
# {since this ABI: all that is known}
FS_RIGHTS = {3: (1 << 15) - 1, 5: (1 << 16) - 1, 9: (1 << 17) - 1}
NET_RIGHTS = {3: 0, 4: 0b11, 10: 0b1111}  # to bind and to connect, by TCP and then by UDP
SCOPES = {3: 0, 6: 0b11}  # abstract sockets, signals

READ = EXECUTE | READ_FILE | READ_DIR
WRITE = (
    READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | REFER
)
DEVICE = READ_FILE | WRITE_FILE | IOCTL_DEV

# linux/prctl.h, linux/capability.h
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 24, 36, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
CAPABILITY_VERSION_3 = 0x20080522

FORBIDDEN = """
    connect setsid setpgid
    chown fchown lchown fchownat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
    inotify_init inotify_init1 inotify_add_watch fanotify_init fanotify_mark open_by_handle_at mincore
    ptrace process_vm_readv process_vm_writev pidfd_getfd kcmp ioprio_set
    shmget shmat shmctl msgget msgsnd msgrcv msgctl semget semop semtimedop semctl
    mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
    mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick move_mount open_tree mount_setattr unshare setns
    keyctl add_key request_key
    bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register personality
    kexec_load kexec_file_load init_module finit_module delete_module reboot swapon swapoff quotactl quotactl_fd acct
    syslog
"""
# A file's owner may do these anywhere, also through a descriptor for reading. They are answered as if they were done:
# IPython's start and shutil.copy insist on them.
PRETENDED = ("chmod", "fchmod", "fchmodat", "utime", "utimes", "utimensat", "futimesat", "flock")
# With 0 these are about the caller. For others they are answered as if they were done: ZeroMQ insists, for its threads.
SCHEDULING = ("sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")
# Landlock keeps signals inside since ABI 6; before, the command may signal itself and nothing else signals at all.
SIGNALS = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")
NEW_NAMESPACES = tuple(1 << bit for bit in (17, 25, 26, 27, 28, 29, 30))  # CLONE_NEW* in clone's flags
# Newer than these lists, and some change modes and attributes. Programs do without them on older kernels.
NEWER_CALLS = range(450, 512)
F_SETOWN, F_SETOWN_EX, FIOSETOWN, SIOCSPGRP = 8, 15, 0x8901, 0x8902  # have signals of any number sent to a process
F_SETLEASE = 1024  # makes whoever opens a file wait
F_NOTIFY = 1026  # tells of what others do in a folder
# locks are seen by everybody who can open the file, also for reading: they seem to be taken and are not
LOCKS = (6, 7, 37, 38)  # F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW
ASKED_LOCKS = (5, 36)  # F_GETLK, F_OFD_GETLK
RWF_NOWAIT = 8  # of preadv2: tells whether a page of a file is in memory
TIOCSTI, TIOCLINUX = 0x5412, 0x541C  # type into a terminal
FILE_IOCTLS = (ord("f"), ord("X"), 0x94)  # kinds that change a file that is open for reading: FS_IOC_*, btrfs

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)


@dataclass(frozen=True)
class Policy:
    """What a command may reach; all else that has a path is denied.

    Args:
        read: files and folders to read and execute.
        write: folders in which files, folders and sockets may be read, made, changed and removed, but not executed.
        devices: device files to read, write and control.
    """

    read: Sequence[str] = ()
    write: Sequence[str] = ()
    devices: Sequence[str] = ("/dev/null", "/dev/zero", "/dev/urandom")


def command(policy: Policy, arguments: Sequence[str]) -> list[str]:
    """Return the command that runs another one confined; for this process to start, since the sandbox ends with it."""
    text = json.dumps(asdict(policy) | {"grader": os.getpid()})
    return [sys.executable, "-I", str(Path(__file__).resolve()), text, "--", *arguments]


def supported() -> str | None:
    """Return None where this level works, else why it does not and what to do."""
    machine, version = os.uname().machine, abi()
    if machine not in MACHINES:
        return f"the level 'landlock' knows machines of type {' and '.join(MACHINES)}; this one is {machine}"
    if version < MIN_ABI:
        found = f"version {version}" if version else "none"
        return (
            f"Landlock of version {MIN_ABI} or higher is needed, the running kernel has {found}: "
            "start Linux 6.2 or newer with `landlock` in the boot parameter `lsm=`"
        )
    try:
        import pyseccomp  # noqa: F401
    except ImportError:
        return "pyseccomp is not installed: run `make setup`"
    except (RuntimeError, OSError):
        return "libseccomp is not installed: `apt-get install libseccomp2`"
    return None


def abi() -> int:
    """Return the version of Landlock's interface in the running kernel; 0 where it has none."""
    return max(_call(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION), 0)


# --- the three processes -----------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    """Run a command confined, until it, this process's parent or this process ends; return the status."""
    settings = json.loads(arguments[0])
    grader = settings.pop("grader")
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor > 2:
            with contextlib.suppress(OSError):  # the listing's own
                os.close(descriptor)
    if problem := supported():
        return _refuse(problem)
    if os.getppid() != grader:
        return _refuse("the grader that built this command did not start it, or is gone")
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # children whose end the grader ignores would leave no status
    endings = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    signal.pthread_sigmask(signal.SIG_BLOCK, (*endings, signal.SIGCHLD))
    launcher = os.getpid()
    guard = os.fork()
    if guard == 0:
        os._exit(_guard(Policy(**settings), arguments[2:], launcher))
    while True:
        got = signal.sigtimedwait((*endings, signal.SIGCHLD), GRADER_GONE_S)
        # not PR_SET_PDEATHSIG: that comes when the thread ends that started this process
        if os.getppid() != grader or (got and got.si_signo in endings):
            os.kill(guard, signal.SIGTERM)
        pid, code = os.waitpid(guard, os.WNOHANG)
        if pid:
            return _status(code)


def _guard(policy: Policy, arguments: list[str], launcher: int) -> int:
    """Run the command; return its status once nothing is left of it and of what it started."""
    os.setsid()  # signals to the launcher's group do not come here
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    _die_with(launcher, signal.SIGTERM)
    guard, child = os.getpid(), os.fork()
    if child == 0:
        os._exit(_become(policy, arguments, guard))
    # a rule is lost when the system, short of memory, forgets an entry of /proc; what is open here is not forgotten
    for path in policy.read:
        if path.startswith("/proc/self/"):
            with contextlib.suppress(FileNotFoundError):  # the child says so
                os.open(path.replace("self", str(child), 1), os.O_PATH)
    while signal.sigwait((signal.SIGTERM, signal.SIGCHLD)) == signal.SIGCHLD and not _ended(child):
        pass
    # The child is not reaped yet, so its number is its own. One signal to its group meets every process that is left:
    # none could leave the group (FORBIDDEN), and a process that has a signal to die of is not forked.
    os.kill(child, signal.SIGKILL)  # before it has its group
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    status = 0
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, code = os.waitpid(-1, 0)
            status = _status(code) if pid == child else status
    return status


def _ended(child: int) -> bool:
    """Return whether the command ended; reap what it left behind, but not itself."""
    while info := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        if info.si_pid == child:
            return True
        os.waitpid(info.si_pid, 0)
    return False


def _become(policy: Policy, arguments: list[str], guard: int) -> int:
    """Turn this process into the confined command; return a status where that fails."""
    try:
        os.setsid()
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        _die_with(guard, signal.SIGKILL)
        _confine(policy)
    except Exception as error:
        return _refuse(f"{type(error).__name__}: {error}")
    try:
        os.execvp(arguments[0], arguments)
    except OSError as error:
        _refuse(f"{arguments[0]} cannot be started: {error.strerror}")
        return 127 if isinstance(error, FileNotFoundError) else 126


def _die_with(parent: int, number: int) -> None:
    """Have a signal sent to this process when its parent ends; at once where it ended already."""
    _prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def _status(code: int) -> int:
    """Return what `os.waitpid` told as a shell does."""
    code = os.waitstatus_to_exitcode(code)
    return code if code >= 0 else 128 - code


def _refuse(problem: str) -> int:
    print(f"landlock: {problem}", file=sys.stderr, flush=True)
    return 125


# --- what confines -----------------------------------------------------------------------------------


def _confine(policy: Policy) -> None:
    """Give up all rights of this process that the policy does not name.

    Raises:
        OSError: a path of the policy is not there, or the kernel refuses.
    """
    version = abi()
    _drop_capabilities()
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _restrict_access(policy, version)
    _system_calls(version).load()


def _drop_capabilities() -> None:
    """Give up all capabilities, which root has here too; no_new_privs keeps them from coming back."""
    number = 0
    while libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0:  # until after the last; at once for an ordinary user
        number += 1
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    _checked(libc.capset(struct.pack("=Ii", CAPABILITY_VERSION_3, 0), bytes(24)), "capset")


def _restrict_access(policy: Policy, version: int) -> None:
    """Deny all that this version of Landlock can deny, but the policy's paths."""
    handled, network, scopes = (_latest(known, version) for known in (FS_RIGHTS, NET_RIGHTS, SCOPES))
    attributes = struct.pack("=QQQ", handled, network, scopes)
    ruleset = _landlock(CREATE_RULESET, attributes, len(attributes), 0)
    for paths, rights in ((policy.read, READ), (policy.write, WRITE), (policy.devices, DEVICE)):
        for path in paths:
            descriptor = os.open(path, os.O_PATH)
            of_kind = rights if stat.S_ISDIR(os.fstat(descriptor).st_mode) else rights & FILE_RIGHTS
            _landlock(ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", of_kind & handled, descriptor), 0)
            os.close(descriptor)
    _landlock(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _system_calls(version: int) -> "SyscallFilter":
    """Return the filter of system calls: what this version of Landlock does not cover, and other ways out.

    A filter compares 64 bits, the kernel often 32: all values but one are denied in 64 bits, single values in 32.
    """
    from pyseccomp import ALLOW, EQ, ERRNO, KILL_PROCESS, MASKED_EQ, NE, Arg, Attr, SyscallFilter

    rules = SyscallFilter(ALLOW)
    rules.set_attr(Attr.ACT_BADARCH, KILL_PROCESS)  # the calls of i386, x32 and 32-bit ARM have other numbers

    def answer(code, call, *conditions):
        rules.add_rule(ERRNO(code), call, *conditions)

    def not_equal(argument, value):
        return Arg(argument, NE, value)

    def equal(argument, value, mask=0xFFFFFFFF):
        return Arg(argument, MASKED_EQ, mask, value)

    for call in FORBIDDEN.split():
        answer(errno.EPERM, call)
    for call in PRETENDED:
        answer(0, call)
    for call in SCHEDULING:
        answer(0, call, not_equal(0, 0))
    answer(errno.EPERM, "prlimit64", not_equal(0, 0))
    for argument in (0, 1):  # of what kind, and which: 0 and 0 are the caller
        answer(errno.EPERM, "setpriority", not_equal(argument, 0))
    if version < 6:
        for call in SIGNALS:
            answer(errno.EPERM, call, not_equal(0, os.getpid()))
        answer(errno.EPERM, "pidfd_send_signal")
    for call in ("socket", "socketpair"):
        # not EPERM: ZeroMQ asks for the machine's addresses, and ends the process where that is forbidden
        answer(errno.EOPNOTSUPP, call, not_equal(0, 1))  # AF_UNIX
        for kind in (2, 3):  # SOCK_DGRAM, and SOCK_RAW, which is the same: sends to any path without `connect`
            answer(errno.EPERM, call, Arg(0, EQ, 1), equal(1, kind, mask=0xF))
    for flag in NEW_NAMESPACES:
        answer(errno.EPERM, "clone", equal(0, flag, mask=flag))
    answer(errno.ENOSYS, "memfd_create")  # memory that no watchdog sees; libraries do without it
    answer(errno.ENOSYS, "clone3")  # no filter sees its flags; C libraries use clone then
    for number in NEWER_CALLS:
        answer(errno.ENOSYS, number)
    for value in (F_SETOWN, F_SETOWN_EX, F_SETLEASE, F_NOTIFY, *ASKED_LOCKS):
        answer(errno.EPERM, "fcntl", equal(1, value))
    for value in LOCKS:
        answer(0, "fcntl", equal(1, value))
    answer(errno.EOPNOTSUPP, "preadv2", equal(5, RWF_NOWAIT, mask=RWF_NOWAIT))
    for value in (FIOSETOWN, SIOCSPGRP, TIOCSTI, TIOCLINUX):
        answer(errno.EPERM, "ioctl", equal(1, value))
    for kind in FILE_IOCTLS:
        answer(errno.EPERM, "ioctl", equal(1, kind << 8, mask=0xFF00))
    return rules


def _latest(known: dict[int, int], version: int) -> int:
    return known[max(since for since in known if since <= version)]


def _call(*words: int | bytes | None) -> int:
    return libc.syscall(*(ctypes.c_long(word) if isinstance(word, int) else word for word in words))


def _landlock(*words: int | bytes) -> int:
    return _checked(_call(*words), "Landlock")


def _prctl(option: int, argument: int) -> None:
    _checked(libc.prctl(option, argument, 0, 0, 0), f"prctl {option}")


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
