"""The level "landlock": what a confined program cannot do, what it can, and that nothing of it is left behind."""

import contextlib
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from autograder.sandbox import landlock

DEADLINE_S = 20  # for what takes milliseconds
X86 = platform.machine() == "x86_64"
SYS_CLONE = 56 if X86 else 220

# of programs; `victim` is a process of the same user, `outside` a folder that the policy does not name
PRELUDE = """
import ctypes, errno, os
{imports}
libc = ctypes.CDLL(None, use_errno=True)
outside, victim = {outside!r}, {victim}
def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result
def child(function):
    pid = os.fork()
    if pid == 0:
        try:
            function()
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    if code := os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise OSError(code, "")
try:
{program}
except OSError as error:
    print(errno.errorcode[error.errno])
"""

MODULES = ("fcntl", "resource", "shutil", "signal", "socket", "subprocess", "sys", "threading", "time")

# starts the launcher with parts of the machine replaced
ALTERED = """
import ctypes.util, importlib.util, sys
spec = importlib.util.spec_from_file_location("landlock", {path!r})
landlock = importlib.util.module_from_spec(spec)
spec.loader.exec_module(landlock)
{change}
sys.exit(landlock.main(sys.argv[1:]))
"""


class Place:
    """A folder that may be written, one that the policy does not name, and ways to run programs."""

    def __init__(self, folder: Path, victim: int):
        self.inside, self.outside, self.victim = folder / "inside", folder / "outside", victim
        self.inside.mkdir()
        self.outside.mkdir()
        self.decoy = self.outside / "decoy"
        self.decoy.write_text("secret")
        self.policy = self.allow()

    def allow(self, **more: str) -> landlock.Policy:
        """Return the policy, with more paths to `read` or `write`."""
        read = [*landlock.SYSTEM, sys.prefix, sys.base_prefix]
        return landlock.Policy(
            **{name: [*paths, *more.get(name, ())] for name, paths in (("read", read), ("write", [str(self.inside)]))}
        )

    def program(self, text: str) -> list[str]:
        """Return the command of a program that prints the name of the error number that stopped it."""
        indented = "\n".join("    " + line for line in text.splitlines())
        # no more than it names: each costs every test its time
        imports = "\n".join(f"import {name}" for name in MODULES if f"{name}." in text)
        text = PRELUDE.format(imports=imports, outside=str(self.outside), victim=self.victim, program=indented)
        return [sys.executable, "-I", "-S", "-c", text]

    def confined(self, text: str, policy: landlock.Policy | None = None) -> list[str]:
        """Return the command of a confined program."""
        return landlock.command(policy or self.policy, self.program(text))

    def run(self, command: list[str], **options) -> subprocess.CompletedProcess:
        """Run a command to its end."""
        options = {"capture_output": True, "text": True, "timeout": 60} | options
        return subprocess.run(command, cwd=self.inside, **options)

    def said(self, text: str, policy: landlock.Policy | None = None) -> str:
        """Return what a confined program printed."""
        return self.run(self.confined(text, policy)).stdout.strip()

    def start(self, text: str) -> subprocess.Popen:
        """Start a confined program in a group of its own, as the grader does, with pipes."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(self.confined(text), cwd=self.inside, start_new_session=True, **pipes)
        return self.process

    def close(self) -> None:
        """Kill what is left in the folder, where a test failed, and close the pipes."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/cwd") == str(self.inside):
                    os.kill(int(pid), signal.SIGKILL)
        if self.process is not None:
            self.process.communicate()

    process = None


@pytest.fixture
def place():
    """A place for programs, with a short path since it may hold sockets; its victim is a process of the same user."""
    if problem := landlock.supported():
        pytest.skip(problem)
    waits = [sys.executable, "-I", "-S", "-c", "input()"]
    with tempfile.TemporaryDirectory(prefix="l") as folder, subprocess.Popen(waits, stdin=subprocess.PIPE) as victim:
        one = Place(Path(folder).resolve(), victim.pid)
        yield one
        one.close()
        victim.communicate(b"\n")


def altered(command: list[str], change: str) -> list[str]:
    """Return a launcher's command with a statement that changes the module, `landlock`, before it starts."""
    python, _, path, *arguments = command
    return [python, "-I", "-c", ALTERED.format(path=path, change=change), *arguments]


def members(group: int) -> list[int]:
    """Return the processes of a process group that have not ended."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            state, _, pgid = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:3]
            if int(pgid) == group and state != "Z":
                found.append(int(pid))
    return found


def until_gone(group: int) -> None:
    """Wait until nothing of a process group is left."""
    deadline = time.monotonic() + DEADLINE_S
    while left := members(group):
        assert time.monotonic() < deadline, f"{left} did not end"
        time.sleep(0.01)


# --- what is refused ---------------------------------------------------------------------------------

# what the same user can do without confinement
REFUSED = {
    "read": ("open(outside + '/decoy').read()", "EACCES"),
    "list": ("os.listdir(outside)", "EACCES"),
    "write": ("open(outside + '/decoy', 'r+')", "EACCES"),
    "truncate": ("os.truncate(outside + '/decoy', 0)", "EACCES"),
    "make": ("open(outside + '/new', 'x')", "EACCES"),
    "make-folder": ("os.mkdir(outside + '/new')", "EACCES"),
    "remove": ("os.remove(outside + '/decoy')", "EACCES"),
    "move-in": ("os.rename(outside + '/decoy', 'own')", "EACCES"),
    "move-out": ("open('own', 'x').close()\nos.rename('own', outside + '/own')", "EACCES"),
    "link": ("os.link(outside + '/decoy', 'own')", "EXDEV"),
    "symbolic-link": ("os.symlink(outside, 'own')", "EACCES"),
    "fifo": ("os.mkfifo('own')", "EACCES"),
    "execute": (
        "with open(os.open('own', os.O_CREAT | os.O_WRONLY, 0o755), 'wb') as own:\n"
        "    own.write(open('/bin/true', 'rb').read())\n"
        "subprocess.run(['./own'])",
        "EACCES",
    ),
    "owner": ("os.chown(outside + '/decoy', os.getuid(), os.getgid())", "EPERM"),
    "watch": ("checked(libc.inotify_add_watch(libc.inotify_init(), outside.encode(), 0x100))", "EPERM"),
    "lease": ("fcntl.fcntl(open('own', 'x'), fcntl.F_SETLEASE, fcntl.F_WRLCK)", "EPERM"),
    "environment": ("open(f'/proc/{victim}/environ').read()", "EACCES"),
    "processes": ("os.listdir('/proc')", "EACCES"),
    "socket": ("socket.socket(socket.AF_UNIX).connect(outside + '/socket')", "EPERM"),
    "abstract-socket": ("socket.socket(socket.AF_UNIX).connect(chr(0) + outside)", "EPERM"),
    "datagram": ("socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)", "EPERM"),
    "datagram-by-another-name": ("socket.socket(socket.AF_UNIX, socket.SOCK_RAW)", "EPERM"),
    "datagram-pair": ("socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)", "EPERM"),
    "tcp": ("socket.socket(socket.AF_INET)", "ENOTSUP"),
    "udp": ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", "ENOTSUP"),
    "netlink": ("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", "ENOTSUP"),
    "signal": ("os.kill(victim, 0)", "EPERM"),
    "signal-parent": ("os.kill(os.getppid(), 0)", "EPERM"),
    "signal-by-descriptor": ("signal.pidfd_send_signal(os.pidfd_open(victim), 0)", "EPERM"),
    "signal-by-file": ("fcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, victim)", "EPERM"),
    "signal-by-socket": ("fcntl.ioctl(socket.socketpair()[0], 0x8901, victim.to_bytes(4, sys.byteorder))", "EPERM"),
    "limits": ("resource.prlimit(victim, resource.RLIMIT_CORE)", "EPERM"),
    "priority": ("os.setpriority(os.PRIO_PROCESS, victim, os.getpriority(os.PRIO_PROCESS, victim))", "EPERM"),
    "trace": ("child(lambda: checked(libc.ptrace(0, 0, 0, 0)))", "EPERM"),
    "session": ("child(os.setsid)", "EPERM"),
    "group": ("child(lambda: os.setpgid(0, 0))", "EPERM"),
    "shared-memory": ("libc.shmctl(checked(libc.shmget(0, 4096, 0o600)), 0, 0)", "EPERM"),
    "message-queue": ("libc.msgctl(checked(libc.msgget(0, 0o600)), 0, 0)", "EPERM"),
}


@pytest.mark.parametrize(("attempt", "error"), REFUSED.values(), ids=REFUSED)
def test_what_works_outside_is_refused(place, attempt, error):
    """What reaches files, processes or sockets outside fails with an error, and only because of the confinement."""
    with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as abstract:
        for server, address in ((named, f"{place.outside}/socket"), (abstract, f"\0{place.outside}")):
            server.bind(address)
            server.listen()
        assert place.said(attempt) == error
        assert place.decoy.read_text() == "secret"
        assert sorted(os.listdir(place.outside)) == ["decoy", "socket"]
        (place.inside / "own").unlink(missing_ok=True)
        assert place.run(place.program(attempt)).stdout == ""


OUT_OF_REACH = {
    "user-namespace": ("checked(libc.unshare(0x10000000))", "EPERM"),
    "clone": (f"checked(libc.syscall({SYS_CLONE}, 0x10000011, 0, 0, 0, 0)) or os._exit(0)", "EPERM"),
    "clone3": ("checked(libc.syscall(435, 0, 0))", "ENOSYS"),
    "user": ("os.setuid(4321)", "EPERM"),
    "attributes": ("os.setxattr('/proc/cpuinfo', 'user.a', b'')", "EPERM"),
    "priority-of-all": ("os.setpriority(os.PRIO_USER, 0, 19)", "EPERM"),
    "type-into-terminal": ("fcntl.ioctl(0, 0x5412, b'x')", "EPERM"),
    "upper-half": ("checked(libc.ioctl(0, ctypes.c_ulong(0x100005412), b'x'))", "EPERM"),
    "change-attributes": ("fcntl.ioctl(0, 0x40086602, bytes(8))", "EPERM"),
    "new-terminal": ("open('/dev/ptmx', 'rb')", "EACCES"),
    "shared-folder": ("open('/dev/shm/own', 'x')", "EACCES"),
}


@pytest.mark.parametrize(("attempt", "error"), OUT_OF_REACH.values(), ids=OUT_OF_REACH)
def test_other_ways_are_refused(place, attempt, error):
    """Namespaces, other users, terminals, shared folders and what depends on the machine are out of reach too."""
    assert place.said(attempt) == error


def test_forbidden_calls_are_answered(place):
    """Every system call on the list is answered with an error before it looks at its arguments."""
    import pyseccomp

    numbers = {name: pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) for name in landlock.FORBIDDEN.split()}
    here = {name: number for name, number in numbers.items() if number >= 0}  # the others are not on this machine
    said = place.said(
        f"for name, number in {here}.items():\n"
        "    if libc.syscall(number, -1, -1, -1, -1, -1, -1) != -1 or ctypes.get_errno() != errno.EPERM: print(name)\n"
        "print('end')"
    )
    assert len(here) > 60
    assert said == "end"


def test_newer_calls_do_not_exist(place):
    """System calls that the filter does not know, as fchmodat2 and setxattrat, are answered as an older kernel does."""
    assert place.said("print({libc.syscall(n, -1) or ctypes.get_errno() for n in range(450, 512)})") == "{-1}"
    assert place.said("checked(libc.syscall(452, -100, (outside + '/decoy').encode(), 0o600, 0))") == "ENOSYS"


@pytest.mark.skipif(not X86, reason="about the x86 processor")
@pytest.mark.parametrize(
    "attempt",
    [
        "libc.syscall(0x40000000 + 39)",
        "import mmap\n"
        "memory = mmap.mmap(-1, 4096, prot=7)\n"
        "memory.write(bytes.fromhex('b814000000 cd80 c3'))\n"  # mov eax, 20; int 0x80; ret
        "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()",
    ],
    ids=["x32", "i386"],
)
def test_calls_of_other_machines_end_the_process(place, attempt):
    """System calls by the numbers of another machine, which the filter would misread, end the process."""
    assert place.run(place.confined(attempt)).returncode == 128 + signal.SIGSYS


def test_no_capability_is_left(place):
    """Not even root keeps a right to pass over permissions, or gets one back by starting a program."""
    status = dict(line.split(":\t") for line in place.said("print(open('/proc/self/status').read())").splitlines())
    may_bound = os.getuid() == 0  # an ordinary user's bound does no harm
    names = ("CapInh", "CapPrm", "CapEff", "CapAmb", *["CapBnd"] * may_bound)
    assert {name: int(status[name], 16) for name in names} == dict.fromkeys(names, 0)
    assert status["NoNewPrivs"] == "1"


def test_no_descriptor_is_inherited(place):
    """A file that the grader has open is not open inside, even where it was meant to be handed on."""
    with open(place.decoy) as decoy:
        os.set_inheritable(decoy.fileno(), True)
        done = place.run(place.confined(f"os.fstat({decoy.fileno()})"), pass_fds=[decoy.fileno()])
    assert done.stdout == "EBADF\n"


@pytest.mark.parametrize(
    "attempt",
    [
        "os.chmod(outside + '/decoy', 0o777)",
        "os.utime(outside + '/decoy', (1, 1))",
        "with open(outside + '/decoy') as file: os.chmod(file.fileno(), 0o777)",
        "with open(outside + '/decoy') as file: os.utime(file.fileno(), (1, 1))",
    ],
    ids=["mode", "times", "mode-by-descriptor", "times-by-descriptor"],
)
def test_changes_of_mode_and_times_come_to_nothing(place, attempt):
    """A change of a file's mode or times is answered as if done, also where the file may be read, and is not."""
    before = place.decoy.stat()
    assert place.said(attempt, place.allow(read=[str(place.decoy)])) == ""
    after = place.decoy.stat()
    assert (after.st_mode, after.st_mtime) == (before.st_mode, before.st_mtime)
    place.run(place.program(attempt))
    assert place.decoy.stat() != after


def test_scheduling_of_others_comes_to_nothing(place):
    """A change of another process's scheduling is answered as if it were done, and is not."""
    assert place.said("os.sched_setscheduler(victim, os.SCHED_IDLE, os.sched_param(0))") == ""
    assert os.sched_getscheduler(place.victim) == os.SCHED_OTHER


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        ("os.kill(victim, 0)", "EPERM"),
        ("os.kill(os.getppid(), 0)", "EPERM"),
        ("os.kill(0, 0)", "EPERM"),
        ("os.dup2(os.pidfd_open(victim), 9)\nsignal.pidfd_send_signal(9, 0)", "EPERM"),
        ("os.kill(os.getpid(), 0)\nsignal.raise_signal(0)", ""),
        ("open(outside + '/decoy')", "EACCES"),
    ],
    ids=["other", "parent", "group", "descriptor", "itself", "file"],
)
@pytest.mark.parametrize("version", [3, 5])
def test_older_landlock_lets_a_program_signal_itself_alone(place, version, attempt, said):
    """Where Landlock does not keep signals inside, the filter does; files are refused as ever."""
    command = altered(place.confined(attempt), f"landlock.abi = lambda: {version}")
    assert place.run(command).stdout.strip() == said


# --- what is allowed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "program",
    [
        "os.makedirs('a/b')\nopen('a/b/x', 'x').close()\nos.replace('a/b/x', 'y')\nos.remove('y')\nshutil.rmtree('a')",
        "open('x', 'w').write('1')\nshutil.copy2('x', 'y')\nassert open('y').read() == '1'",
        "import tempfile\nwith tempfile.TemporaryDirectory(dir='.'), tempfile.NamedTemporaryFile(dir='.'): pass",
        "assert subprocess.run(['sh', '-c', 'cat | tr a b'], input=b'a', capture_output=True).stdout == b'b'",
        "done = []\nt = threading.Thread(target=lambda: done.append(1))\nt.start()\nt.join()\nassert done",
        "a, b = socket.socketpair()\na.send(b'x')\nassert b.recv(1) == b'x'",
        "open('/dev/null', 'w').write('x')\nassert open('/dev/zero', 'rb').read(1) == b'\\0'",
        "assert os.cpu_count() == len(open('/proc/cpuinfo').read().split('processor\\t')) - 1 or not sys.platform",
        "child(lambda: signal.raise_signal(signal.SIGCHLD))",
    ],
    ids=["files", "copies", "temporary-files", "programs", "threads", "pairs", "devices", "processors", "signals"],
)
def test_ordinary_work_is_allowed(place, program):
    """Files of the own folder, programs of the system, threads and pipes work as ever."""
    done = place.run(place.confined(program))
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_own_entries_of_proc_stay_readable(place):
    """The guard keeps open what the command may read of its own in /proc, else the rules go when memory is short."""
    process = place.start("print(os.getpid(), os.getppid(), flush=True)\ninput()")
    pid, guard = process.stdout.readline().split()
    kept = {os.readlink(descriptor) for descriptor in Path("/proc", guard, "fd").iterdir()}
    assert {path.replace("self", pid) for path in landlock.SYSTEM if path.startswith("/proc/self/")} <= kept


def test_socket_inside_can_be_reached_from_outside(place):
    """A program can offer a socket in its folder, as a kernel does."""
    program = (
        "server = socket.socket(socket.AF_UNIX)\nserver.bind('s')\nserver.listen()\nprint('ready', flush=True)\n"
        "server.accept()[0].send(b'hello')"
    )
    process = place.start(program)
    with socket.socket(socket.AF_UNIX) as client:
        assert process.stdout.readline() == "ready\n"
        client.connect(str(place.inside / "s"))
        assert client.recv(5) == b"hello"


# --- status and end ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "status"),
    [("sys.exit(3)", 3), ("os.abort()", 134), ("os.kill(os.getpid(), 9)", 137), ("os.kill(os.getpid(), 15)", 143)],
    ids=["exit", "abort", "kill", "terminate"],
)
def test_status_is_the_command_s(place, program, status):
    """The launcher ends with the command's status, or 128 and the signal that ended it."""
    assert place.run(place.confined(program)).returncode == status


def test_status_is_known_to_a_grader_that_ignores_children(place):
    """The status arrives where whoever started the grader had the ends of children ignored."""
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)}
    assert place.run(place.confined("sys.exit(3)"), **ignore).returncode == 3


def test_signals_are_as_usual(place):
    """A program whose reader ended ends too, silently, as it does without a launcher in Python."""
    done = place.run(landlock.command(place.policy, ["/bin/sh", "-c", "yes | head -n 1"]))
    assert (done.stdout, done.stderr) == ("y\n", "")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["/no-such-program"], 127, "landlock: /no-such-program cannot be started: No such file or directory\n"),
        (["/etc/passwd"], 126, "landlock: /etc/passwd cannot be started: Permission denied\n"),
    ],
    ids=["missing", "forbidden"],
)
def test_command_that_cannot_start_is_named(place, arguments, status, said):
    """A command that is not there, or may not be executed, has a status of its own and a line that names it."""
    done = place.run(landlock.command(place.policy, arguments))
    assert (done.returncode, done.stderr) == (status, said)


def test_missing_path_is_refused(place):
    """A policy with a path that is not there starts nothing, and says which."""
    done = place.run(place.confined("print('started')", place.allow(read=["/no/such/path"])))
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("landlock: FileNotFoundError: ")
    assert "/no/such/path" in done.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("landlock.abi = lambda: 0", "`lsm=`"),
        ("landlock.abi = lambda: 2", "has version 2"),
        ("ctypes.util.find_library = lambda name: None", "`apt-get install libseccomp2`"),
        ("sys.modules['pyseccomp'] = None", "pyseccomp is not installed: run `make setup`"),
        ("landlock.MACHINES = ('vax',)", "machines of type vax"),
        ("landlock.CAPABILITY_VERSION_3 = 1", "capset"),
    ],
    ids=["no-landlock", "old-landlock", "no-libseccomp", "no-pyseccomp", "machine", "capabilities"],
)
def test_nothing_runs_where_something_is_missing(place, change, said):
    """Without Landlock, seccomp or any other part the command is not started; one line says what is missing."""
    done = place.run(altered(place.confined("print('started')"), change))
    assert (done.returncode, done.stdout) == (125, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


# it ignores what it can, has lost its parent, and tries to leave session and group
DAEMON = (
    "def daemon():\n"
    "    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)\n"
    "    for leave in (os.setsid, os.setpgrp):\n"
    "        try: leave()\n"
    "        except OSError: pass\n"
    "    if os.fork(): os._exit(0)\n"
    "    os.write(1, b'%d\\n' % os.getpgrp())\n"
    "    while True: signal.pause()\n"
    "if not os.fork(): daemon()\n"
)
# each process starts two and ends, so that none is there for long and all have lost their parents
BOMB = (
    "print(os.getpgrp(), flush=True)\n"
    "for _ in range(8):\n"
    "    if not os.fork():\n"
    "        while True:\n"
    "            if os.fork(): os._exit(0)\n"
)


def test_orphans_leave_nothing(place):
    """A process whose parent has ended leaves no entry in the table of processes when it ends too."""
    process = place.start(
        "if not os.fork():\n    os.fork() or print(os.getpid(), flush=True)\n    os._exit(0)\ninput()"
    )
    orphan = Path("/proc", process.stdout.readline().strip())
    deadline = time.monotonic() + DEADLINE_S
    while orphan.exists():
        assert time.monotonic() < deadline, orphan.joinpath("status").read_text()
        time.sleep(0.01)


@pytest.mark.parametrize("program", [DAEMON, BOMB], ids=["daemon", "bomb"])
def test_nothing_outlives_the_command(place, program):
    """What the command started is gone when the launcher ends."""
    process = place.start(program + "input()")
    group = int(process.stdout.readline())
    assert members(group)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.wait(DEADLINE_S) == 0
    assert members(group) == []


@pytest.mark.parametrize("program", [DAEMON, BOMB], ids=["daemon", "bomb"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_launcher_that_is_told_to_end_ends_everything(place, program, number):
    """After a signal to the launcher all is gone when it ends, with the status of what was killed."""
    process = place.start(program + "while True: pass")
    group = int(process.stdout.readline())
    process.send_signal(number)
    assert process.wait(DEADLINE_S) == 137
    assert members(group) == []


@pytest.mark.parametrize("program", [DAEMON, BOMB], ids=["daemon", "bomb"])
def test_launcher_that_is_killed_takes_everything_along(place, program):
    """All ends where the launcher's whole group is killed at once, as Jupyter does it."""
    process = place.start(program + "while True: pass")
    group = int(process.stdout.readline())
    os.killpg(process.pid, signal.SIGKILL)
    until_gone(group)


@pytest.mark.parametrize("program", [DAEMON, BOMB], ids=["daemon", "bomb"])
def test_grader_that_is_killed_takes_everything_along(place, program):
    """All ends where the grader has no time to say so."""
    grader = (
        "import importlib.util, json, subprocess, sys\n"
        f"spec = importlib.util.spec_from_file_location('landlock', {landlock.__file__!r})\n"
        "landlock = importlib.util.module_from_spec(spec)\n"
        "sys.modules['landlock'] = landlock\n"
        "spec.loader.exec_module(landlock)\n"
        "policy, command = json.loads(sys.argv[1])\n"
        "subprocess.run(landlock.command(landlock.Policy(**policy), command), start_new_session=True)\n"
    )
    policy = {"read": place.policy.read, "write": place.policy.write}
    arguments = json.dumps([policy, place.program(program + "while True: pass")])
    command = [sys.executable, "-I", "-c", grader, arguments]
    with subprocess.Popen(command, cwd=place.inside, stdout=subprocess.PIPE, text=True) as process:
        group = int(process.stdout.readline())
        process.kill()
        process.wait()
        until_gone(group)


def test_command_ends_with_its_guard(place):
    """The command ends where its guard is killed, as by a machine out of memory."""
    process = place.start("print(os.getpgrp(), os.getppid(), flush=True)\nwhile True: pass")
    group, guard = map(int, process.stdout.readline().split())
    os.kill(guard, signal.SIGKILL)
    assert process.wait(DEADLINE_S) == 137
    until_gone(group)


def test_command_outlives_the_thread_that_started_it(place):
    """A sandbox started in a thread goes on when the thread ends."""
    thread = threading.Thread(target=place.start, args=("time.sleep(float(input()))\nprint('lived')",))
    thread.start()
    thread.join()
    out, _ = place.process.communicate(f"{2 * landlock.GRADER_GONE_S}\n", timeout=DEADLINE_S)
    assert (out, place.process.returncode) == ("lived\n", 0)


def test_command_of_another_grader_is_refused(place):
    """Only the process that built a command can start it: the end of another would not be noticed."""
    done = place.run(["/bin/sh", "-c", '"$@"; exit $?', "sh", *place.confined("print('started')")])
    assert (done.returncode, done.stdout) == (125, "")
    assert "did not start it" in done.stderr


# --- the module --------------------------------------------------------------------------------------


def test_import_needs_no_seccomp():
    """The module can be imported, and asked, where pyseccomp is not installed."""
    program = (
        "import sys; sys.modules['pyseccomp'] = None\n"
        f"sys.path.insert(0, {str(Path(landlock.__file__).parent)!r})\n"
        "import landlock; landlock.abi = lambda: 3; print(landlock.supported())"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "pyseccomp is not installed: run `make setup`\n"


# --- a kernel ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def confined_kernel(change: str = ""):
    """A client of a confined kernel; its `run_cell` runs a cell and returns status and output."""
    if problem := landlock.supported():
        pytest.skip(problem)
    with tempfile.TemporaryDirectory(prefix="l") as folder:
        connection = f"{folder}/kernel.json"
        write_connection_file(connection, ip=f"{folder}/k", transport="ipc", key=b"key")
        environment = {"HOME": folder, "TMPDIR": folder, "USER": "student", "OMP_NUM_THREADS": "1", "PATH": os.defpath}
        policy = landlock.Policy(read=[*landlock.SYSTEM, sys.prefix, sys.base_prefix], write=[folder])
        command = landlock.command(policy, [sys.executable, "-m", "ipykernel_launcher", "-f", connection])
        command = altered(command, change) if change else command
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **quiet)
        client = BlockingKernelClient(connection_file=connection)
        client.load_connection_file()
        client.start_channels(hb=False)  # a busy machine's kernel is not dead where its heart beats late

        def run_cell(cell):
            output = []
            reply = client.execute_interactive(cell, timeout=120, output_hook=output.append, allow_stdin=False)
            return reply["content"]["status"], "".join(part["content"].get("text", "") for part in output)

        client.run_cell = run_cell
        try:
            client.wait_for_ready(timeout=60)
            yield client
        finally:
            client.stop_channels()
            process.terminate()
            process.wait(DEADLINE_S)


@pytest.fixture(scope="module")
def kernel():
    """A confined kernel."""
    with confined_kernel() as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "output"),
    [
        ("import torch, torchvision\nprint(torch.ones(3).sum())", "tensor(3.)\n"),
        ("%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('p.png')", ""),
        ("import torch\ntorch.save(torch.ones(2), 'a.pt')\nprint(torch.load('a.pt'))", "tensor([1., 1.])\n"),
        ("%%bash\necho $((1 + 1))", "2\n"),
    ],
    ids=["torch", "matplotlib", "files", "shell"],
)
def test_kernel_runs_cells(kernel, cell, output):
    """A confined kernel does what notebooks do."""
    assert kernel.run_cell(cell) == ("ok", output)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["", "landlock.abi = lambda: 5"], ids=["landlock", "older-landlock"])
def test_kernel_can_be_interrupted(change):
    """A message interrupts a cell that does not end, and the kernel goes on."""
    with confined_kernel(change) as kernel:
        request = kernel.execute("print('started', flush=True)\nwhile True: pass", stop_on_error=False)
        while kernel.get_iopub_msg(timeout=DEADLINE_S)["msg_type"] != "stream":
            pass
        kernel.control_channel.send(kernel.session.msg("interrupt_request", {}))
        while (reply := kernel.get_shell_msg(timeout=DEADLINE_S))["parent_header"].get("msg_id") != request:
            pass
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        assert kernel.run_cell("print(1)") == ("ok", "1\n")
