"""The strongest level: what a kernel sees inside bubblewrap, as the arguments of `bwrap`.

All namespaces, no network, no capabilities, an empty environment; Python, its packages and the data read-only under neutral names;
everything writable in memory, of limited size, and gone with the sandbox. Nothing else of the machine is there.
"""

import contextlib
import errno
import glob
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from autograder.sandbox.landlock import ASKED_LOCKS, F_NOTIFY, F_SETLEASE, LOCKS, RWF_NOWAIT

HOME = Path("/home/student")
WORK = HOME / "work"
DATA = Path("/data")
SOCKETS = Path("/run/kernel")
CONNECTION = Path("/run/kernel.json")
GIVEN = Path("/given")
BASE, VENV = Path("/opt/python"), Path("/opt/venv")
RIGHTS = (
    *("--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--disable-userns"),
    *("--die-with-parent", "--new-session", "--hostname", "sandbox"),
)
TEXTS = {  # files of the sandbox's own
    "/etc/passwd": f"student:x:1000:1000::{HOME}:/bin/sh\n",
    "/etc/group": "student:x:1000:\n",
    "/etc/hosts": "127.0.0.1 localhost\n",
}
ETC = ("alternatives", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime")
GPU_NODES = ("/dev/nvidia*", "/dev/nvidia-caps/*", "/dev/kfd", "/dev/dri/*", "/dev/dxg")
# parts of Linux that break often, keys that no namespace hides, and what shows the doings of other kernels (which files are read,
# which of their pages are in memory, how busy the machine is): no notebook needs them
FORBIDDEN = """
    keyctl add_key request_key bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register
    kexec_load init_module finit_module delete_module open_by_handle_at ptrace process_vm_readv process_vm_writev
    shmget msgget semget inotify_init inotify_init1 inotify_add_watch fanotify_init fanotify_mark mincore cachestat
"""
# of sockets: AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, of which the sandbox has its own; others (AF_VSOCK …) reach outside it
FAMILIES = (1, 2, 10, 16)
MAX_FAMILY = 64
COPY = 'cp -r "$0"/. . && exec "$@"'  # what is given becomes the sandbox's own copy, in its memory


def unusable() -> str | None:
    """Return why bubblewrap cannot be used here and what to do about it, or None where it works."""
    program = shutil.which("bwrap")
    if program is None:
        return "bubblewrap is not installed: install it (apt-get install bubblewrap)"
    try:
        os.close(filter_of_calls())
    except ImportError:
        return "pyseccomp is not installed: run `make setup`"
    except (RuntimeError, OSError):
        return "libseccomp is not installed: apt-get install libseccomp2"
    trial = [program, *RIGHTS, *_system(), "--proc", "/proc", "--dev", "/dev", "true"]
    done = subprocess.run(trial, capture_output=True, text=True, env={}, timeout=30)
    if done.returncode == 0:
        return None
    said = (done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"])[-1]
    return (
        f"bubblewrap cannot make a sandbox ({said}): it must be version 0.8 or newer, and unprivileged user namespaces must be "
        "allowed (sysctl kernel.unprivileged_userns_clone=1; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0)"
    )


def arguments(
    room: Path,
    data: Iterable[tuple[Path, str]],
    environment: dict[str, str],
    *,
    disk_mib: int,
    gpu: bool,
    hidden: Iterable[Path] = (),
) -> list[str]:
    """Return the options of bwrap for one kernel, without the program and the command.

    Args:
        room: private folder of the grader; holds `given`, the folder that the working folder starts as, and the kernel's
            `connection.json`. The sandbox's own small files are written there.
        data: (file, path below DATA) of the files of the data set.
        environment: the kernel's variables beside those that Python needs.
        disk_mib: size of what can be written.
        gpu: whether the GPU's device nodes are there.
        hidden: folders that must not be seen, even where they lie below something that is.
    """
    size = str(disk_mib * 2**20)
    options = [*RIGHTS, "--clearenv"]
    for name, value in {**_environment(), **environment}.items():
        options += ["--setenv", name, value]
    options += _system()
    for name in ETC:
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for path, text in TEXTS.items():
        options += _own(room, path, text)
    options += _python(room)
    for folder in hidden:
        if folder.is_relative_to("/usr"):
            options += ["--tmpfs", str(folder), "--remount-ro", str(folder)]
    options += ["--proc", "/proc"] if gpu else _proc(room)
    options += ["--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm"]
    if gpu:  # after --dev, which would hide them
        options += [part for node in gpu_nodes() for part in ("--dev-bind", node, node)]
        options += ["--ro-bind", "/sys", "/sys"]
    options += ["--size", str(2**20), "--tmpfs", "/run", "--dir", str(SOCKETS)]
    options += [
        "--ro-bind",
        str(room / "connection.json"),
        str(CONNECTION),
        "--ro-bind",
        str(room / "given"),
        str(GIVEN),
    ]
    for file, path in data:
        options += ["--ro-bind", str(file), str(DATA / path)]
    options += ["--size", size, "--tmpfs", str(HOME), "--dir", str(WORK), "--dir", str(HOME / "tmp")]
    options += ["--symlink", str(HOME / "tmp"), "/tmp", "--symlink", str(HOME / "tmp"), "/var/tmp"]
    if not gpu:
        options += ["--remount-ro", "/proc"]
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(WORK)]


def filter_of_calls() -> int:
    """Return a descriptor that bwrap reads the filter of system calls from."""
    from pyseccomp import ALLOW, ERRNO, GE, MASKED_EQ, Arg, SyscallFilter

    def equal(argument, value):
        return Arg(argument, MASKED_EQ, 0xFFFFFFFF, value)  # the kernel looks at 32 of the 64 bits

    rules = SyscallFilter(ALLOW)
    for call in FORBIDDEN.split():
        with contextlib.suppress(RuntimeError, OSError):  # newer than the library
            rules.add_rule(ERRNO(errno.EPERM), call)
    for command in (F_SETLEASE, F_NOTIFY, *ASKED_LOCKS):
        rules.add_rule(ERRNO(errno.EPERM), "fcntl", equal(1, command))
    for command in LOCKS:
        rules.add_rule(ERRNO(0), "fcntl", equal(1, command))
    rules.add_rule(ERRNO(0), "flock")
    rules.add_rule(ERRNO(errno.EOPNOTSUPP), "preadv2", Arg(5, MASKED_EQ, RWF_NOWAIT, RWF_NOWAIT))
    for family in set(range(MAX_FAMILY)) - set(FAMILIES):
        rules.add_rule(ERRNO(errno.EAFNOSUPPORT), "socket", equal(0, family))
    rules.add_rule(ERRNO(errno.EAFNOSUPPORT), "socket", Arg(0, GE, MAX_FAMILY))
    rules.add_rule(ERRNO(errno.ENOSYS), "memfd_create")  # memory that no watchdog sees; libraries do without it
    descriptor = os.memfd_create("filter")
    with open(descriptor, "wb", closefd=False) as file:
        rules.export_bpf(file)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def python() -> str:
    """Return the path of the grader's Python inside."""
    program = Path(os.path.realpath(sys.executable))
    return str(VENV / "bin" / "python" if _in_venv() else _inside(program))


def _environment() -> dict[str, str]:
    found = {"HOME": str(HOME), "TMPDIR": str(HOME / "tmp"), "PATH": f"{Path(python()).parent}:/usr/bin:/bin"}
    if _base_is_bound():  # the interpreter may look for its library where it was built
        found["LD_LIBRARY_PATH"] = str(BASE / "lib")
    return found


def _in_venv() -> bool:
    return sys.prefix != sys.base_prefix


def _base() -> Path:
    return Path(sys.base_prefix).resolve()


def _base_is_bound() -> bool:
    return not _base().is_relative_to("/usr")


def _packages() -> list[Path]:
    return list(dict.fromkeys(Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")))


def _inside(path: Path) -> Path:
    """Return where a file of the grader's Python is found inside."""
    prefix = Path(sys.prefix).resolve()
    if _in_venv() and path.is_relative_to(prefix):
        return VENV / path.relative_to(prefix)
    return BASE / path.relative_to(_base()) if _base_is_bound() and path.is_relative_to(_base()) else path


def _own(room: Path, path: str, text: str) -> list[str]:
    """Write a file of the sandbox's own into the room and return the option that shows it."""
    file = room / path.strip("/").replace("/", "-")
    file.write_text(text)
    return ["--ro-bind", str(file), path]


def _proc(room: Path) -> list[str]:
    """Return the options for a /proc that shows what libraries ask for, and that never changes.

    The system's own shows the machine's folders (mountinfo) and counts what all its processes do, so that two kernels could talk
    through it.
    """
    processors = os.cpu_count() or 1
    known = {name: Path("/proc", name).read_text() for name in ("cpuinfo", "version", "filesystems")}
    known["cpuinfo"] = re.sub(
        r"(?m)^(cpu MHz\s*:).*$", r"\1 1000.000", known["cpuinfo"]
    )  # tells how busy a processor is
    known["stat"] = "".join(f"cpu{name} 0 0 0 0 0 0 0 0 0 0\n" for name in (" ", *range(processors)))
    known["loadavg"] = "0.00 0.00 0.00 1/1 1\n"
    known["uptime"] = "1.00 1.00\n"
    known["meminfo"] = "".join(
        f"{name + ':':16}{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 1024:>8} kB\n"
        for name in ("MemTotal", "MemFree", "MemAvailable")
    )
    return ["--tmpfs", "/proc", *(part for name, text in known.items() for part in _own(room, f"/proc/{name}", text))]


def _system() -> list[str]:
    options = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            options += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            options += ["--ro-bind", str(path), str(path)]
    return options


def _python(room: Path) -> list[str]:
    options = ["--ro-bind", str(_base()), str(BASE)] if _base_is_bound() else []
    if not _in_venv():
        return options
    program = _inside(Path(os.path.realpath(sys.executable)))
    options += _own(room, str(VENV / "pyvenv.cfg"), f"home = {program.parent}\ninclude-system-site-packages = false\n")
    options += ["--symlink", str(program), str(VENV / "bin" / "python")]
    for folder in _packages():
        options += ["--ro-bind", str(folder), str(_inside(folder))]
        for pattern in ("__editable__*", "*.egg-link", "*.dist-info/direct_url.json"):
            for path in sorted(folder.glob(pattern)):  # they name folders of this machine
                options += ["--ro-bind", "/dev/null", str(_inside(path))]
    return options


def gpu_nodes() -> list[str]:
    """Return the device nodes of GPUs."""
    return [node for pattern in GPU_NODES for node in sorted(glob.glob(pattern)) if not os.path.isdir(node)]
