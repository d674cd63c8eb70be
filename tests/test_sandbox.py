"""The level bubblewrap: what a kernel sees, and what happens where the level does not work."""

import errno
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from autograder.course import ROOT, ConfigError, Course
from autograder.kernel.session import Session
from autograder.publish import lab_files
from autograder.sandbox import bubblewrap, landlock, levels
from autograder.sandbox.data import shown_data

needs_bubblewrap = pytest.mark.skipif(
    bubblewrap.unusable() is not None, reason=f"no bubblewrap: {bubblewrap.unusable()}"
)
LOOK = """
import glob, json, os, socket, subprocess, sys
def tried(action):
    try:
        return str(action())[:500]
    except BaseException as error:
        return type(error).__name__
def exists(paths): return [p for p in paths if os.path.lexists(p)]
def environment(): return dict(os.environ)
def text(path): return tried(lambda: open(path, errors="replace").read())
def write(path): return tried(lambda: open(path, "w").close())
def run(*command): return tried(lambda: subprocess.run(command, capture_output=True).returncode)
def connect(): return tried(lambda: socket.create_connection(("127.0.0.1", 22), 1))
def interfaces(): return [name for _, name in socket.if_nameindex()]
def rights():
    import ctypes
    libc = ctypes.CDLL(None)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    return [*sets, *(max(libc.prctl(23, number, 0, 0, 0), 0) for number in range(41))]  # PR_CAPBSET_READ
def packages(pattern): return {os.path.basename(p): os.path.getsize(p) for p in glob.glob(f"{sys.prefix}/lib/*/site-packages/{pattern}")}
def lease():
    import fcntl
    return tried(lambda: fcntl.fcntl(os.open("/usr/bin/env", os.O_RDONLY), 1024, 0))
def keys():
    import ctypes
    number = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(number, 0, -3, 0), ctypes.get_errno()
def who(): return os.getuid(), sys.prefix, os.getcwd(), os.path.expanduser("~")
def number(): return os.getpid()
def lock():
    import fcntl, struct
    file = open("/usr/bin/env", "rb")
    asked = lambda: fcntl.fcntl(file, fcntl.F_GETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 1, 0))
    return [tried(lambda: fcntl.lockf(file, fcntl.LOCK_SH)), tried(lambda: fcntl.flock(file, fcntl.LOCK_EX)), tried(asked)]
def vsock(): return tried(lambda: socket.socket(40, socket.SOCK_STREAM))
def notified():
    import ctypes
    return ctypes.CDLL(None, use_errno=True).inotify_init(), ctypes.get_errno()
def cached(): return tried(lambda: os.preadv(os.open("/usr/bin/env", os.O_RDONLY), [bytearray(10)], 0, 8))
def processes(): return sorted(int(p) for p in os.listdir("/proc") if p.isdigit())
def mean(split):
    import lab
    return lab.load(split).float().mean().item(), lab.load(split).shape[0]
"""


@pytest.fixture(scope="module")
def inside():
    """A student's end of a kernel in the sandbox, started with a secret in the grader's environment."""
    course = Course(course_id="t", assignments=("vae",), dataset="glyphs", device="cpu", sandbox="bubblewrap")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAE_KIT_SECRET", "decoy-in-the-environment")
        cells = [nbformat.v4.new_code_cell(LOOK)]
        with Session(course, nbformat.v4.new_notebook(cells=cells), {"checkpoints/a": b"weights"}) as session:
            assert session.run() == {}
            yield session.student


@needs_bubblewrap
@pytest.mark.slow
class TestInside:
    """What a kernel in bubblewrap finds."""

    def test_nothing_of_the_machine_is_there(self, inside):
        """Neither the course, nor the grader's home, nor its Python are found under their names."""
        paths = [ROOT, Path.home(), ROOT / "source", "/root", "/srv", "/mnt", "/media", "/etc/shadow", "/etc/hostname"]
        paths += [p for p in (Path(sys.prefix), Path(sys.base_prefix)) if not p.is_relative_to("/usr")]
        assert inside.exists([str(path) for path in paths if str(path) != "/"]) == []
        assert inside.who() == (1000, "/opt/venv", "/home/student/work", "/home/student")

    @pytest.mark.parametrize("path", ["/proc/1/environ", "/proc/1/cmdline", "/proc/self/environ"])
    def test_environment_is_empty_but_for_its_own(self, inside, path):
        """Nothing of the grader's environment or command line is seen, of the first process neither."""
        assert "decoy" not in inside.text(path)
        assert str(ROOT) not in inside.text(path)
        assert not {"VAE_KIT_SECRET", "SSH_AUTH_SOCK", "JPY_PARENT_PID"} & set(inside.environment())

    def test_other_processes_are_not_seen(self, inside):
        """There is no list of processes, and numbers are the sandbox's own."""
        assert inside.processes() == []
        assert inside.number() < 100

    @pytest.mark.parametrize(
        "name", ["self/mountinfo", "self/mounts", "self/maps", "1/cmdline", "vmstat", "sys/fs/file-nr"]
    )
    def test_proc_tells_nothing_of_the_machine(self, inside, name):
        """Neither the machine's folders nor what its processes do are seen in /proc, which never changes."""
        assert inside.text(f"/proc/{name}") in ("FileNotFoundError", "NotADirectoryError", "OSError")
        assert inside.text("/proc/loadavg") == "0.00 0.00 0.00 1/1 1\n"

    def test_locks_and_caches_tell_nothing_of_others(self, inside):
        """Locks seem to be taken and cannot be asked for; sockets that reach outside, notifications and page caches are refused."""
        assert inside.lock() == ["None", "None", "PermissionError"]
        assert inside.vsock() == "OSError"
        assert inside.notified() == (-1, errno.EPERM)
        assert inside.cached() in ("OSError", "BlockingIOError")

    def test_there_is_no_network(self, inside):
        """Not even the machine's own services are reached."""
        assert inside.interfaces() == ["lo"]
        assert inside.connect() in ("ConnectionRefusedError", "OSError")  # its own loopback, where nothing listens

    def test_there_are_no_rights(self, inside):
        """No capability is left, and neither mounts nor new user namespaces can be made."""
        assert set(inside.rights()) == {0}
        assert inside.run("unshare", "-Ur", "true") != "0"
        assert inside.run("mount", "-t", "tmpfs", "none", "/home/student") != "0"

    def test_files_outside_cannot_be_locked(self, inside):
        """A lease, which would make others wait for a file of the system, is refused."""
        assert inside.lease() == "PermissionError"

    def test_keys_of_the_grader_are_not_reached(self, inside):
        """The kernel's keyrings, which no namespace hides, cannot be asked."""
        assert inside.keys() == (-1, errno.EPERM)

    @pytest.mark.parametrize(
        "path", ["/a", "/usr/a", "/opt/venv/a", "/given/a", "/dev/a", "/etc/a", "/run/kernel.json"]
    )
    def test_what_is_not_its_own_cannot_be_written(self, inside, path):
        """System, Python, and what it was given are read-only."""
        assert inside.write(path) in ("OSError", "PermissionError")

    @pytest.mark.parametrize("path", ["/home/student/work/a", "/tmp/a", "/dev/shm/a"])
    def test_its_own_folders_can_be_written(self, inside, path):
        """A working folder, a home, and folders for temporary files are there."""
        assert inside.write(path) == "None"

    def test_packages_do_not_name_folders_of_the_machine(self, inside):
        """What says where the course is installed from reads as empty."""
        assert set(inside.packages("__editable__*").values()) <= {0}
        assert set(inside.packages("vae_teaching_kit*/direct_url.json").values()) <= {0}
        assert inside.packages("torch/__init__.py") != {}

    def test_what_was_given_is_a_copy_of_its_own(self, inside):
        """The checkpoint lies in the working folder."""
        assert inside.text("checkpoints/a") == "weights"


@needs_bubblewrap
@pytest.mark.slow
def test_held_out_images_stay_outside(tmp_path, monkeypatch):
    """In the place of the test images a kernel finds those of the validation split."""
    for name in ("COURSE_DATASET", "COURSE_DATA"):
        monkeypatch.delenv(name, raising=False)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    images = bytes(50_000 * 784) + bytes([7]) * (10_000 * 784)
    (raw / "train-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, 60_000, 28, 28) + images)
    (raw / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, 60_000) + bytes(60_000))
    for kind, head in (
        ("images-idx3", struct.pack(">4i", 2051, 10_000, 28, 28)),
        ("labels-idx1", struct.pack(">2i", 2049, 10_000)),
    ):
        content = bytes([200]) * (10_000 * 784) if "images" in kind else bytes(10_000)
        (raw / f"t10k-{kind}-ubyte").write_bytes(head + content)
    known = {"course_id": "t", "assignments": ("vae",), "device": "cpu", "dataset": "mnist", "data": tmp_path}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(LOOK)])
    with Session(Course(**known), notebook, lab_files()) as session:
        session.run()
        assert session.student.mean("test") == (7.0, 10_000)
        assert session.student.mean("train") == (0.0, 50_000)


def test_missing_bubblewrap_is_refused_with_the_remedy(monkeypatch):
    """Without bubblewrap the package and the alternative are named; nothing weaker is taken by itself."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    said = levels.unusable("bubblewrap")
    assert "apt-get install bubblewrap" in said
    assert "set sandbox = " in said


def test_alternative_is_one_that_works(monkeypatch):
    """Where Landlock does not work either, it is not proposed."""
    monkeypatch.setattr(bubblewrap, "unusable", lambda: "no")
    monkeypatch.setattr(landlock, "supported", lambda: "no")
    assert "'landlock'" not in levels.unusable("bubblewrap")
    assert levels.unusable("landlock") == "no"
    assert levels.unusable("none") is None


def test_bubblewrap_that_fails_says_why(monkeypatch, tmp_path):
    """What bwrap says, and which settings matter, reach the instructor."""
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    said = bubblewrap.unusable()
    assert "No permissions to create new namespace" in said
    assert "unprivileged user namespaces" in said


def test_data_that_cannot_be_read_is_the_courses_problem(tmp_path):
    """A data set that is missing is a configuration error that names the file."""
    course = Course(course_id="t", assignments=("vae",), dataset="mnist", data=tmp_path)
    with pytest.raises(ConfigError, match="train-images-idx3-ubyte"):
        shown_data(course, tmp_path)


@pytest.mark.slow
def test_glyphs_are_shown_once_they_are_drawn(tmp_path):
    """A kernel sees the drawn glyphs; where they cannot be kept it sees none, and draws them."""
    course = Course(course_id="t", assignments=("vae",), dataset="glyphs").model_copy(update={"data": tmp_path})
    shown = shown_data(course, tmp_path)
    assert sorted(Path(path).name for path in shown) == [f"{s}-images-ubyte" for s in ("test", "train", "validation")]
    assert all(path == str(file.relative_to(tmp_path)) and file.is_file() for path, file in shown.items())
    (tmp_path / "file").touch()
    assert shown_data(course.model_copy(update={"data": tmp_path / "file"}), tmp_path) == {}


@needs_bubblewrap
@pytest.mark.slow
def test_sandbox_ends_with_its_grader(tmp_path):
    """A grader that is killed leaves no process of the sandbox behind."""
    program = (
        "import nbformat, os\nfrom autograder.course import Course\nfrom autograder.kernel.session import Session\n"
        "course = Course(course_id='t', assignments=('vae',), dataset='glyphs', device='cpu')\n"
        'cell = nbformat.v4.new_code_cell(\'import subprocess; p = subprocess.Popen(["sleep", "1000"])\')\n'
        "with Session(course, nbformat.v4.new_notebook(cells=[cell]), {}) as session:\n"
        "    session.run()\n"
        "    from autograder.sandbox.limits import descendants\n"
        "    print(*(p.pid for p in descendants(session._kernel.provisioner.pid)), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=120)
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) >= 3
    for _ in range(100):
        left = [
            pid
            for pid in pids
            if Path(f"/proc/{pid}/stat").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text()
        ]
        if not left:
            break
        subprocess.run(["sleep", "0.05"], check=True)
    assert left == []
