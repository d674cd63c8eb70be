"""Limits: control groups of both versions on a tree of files, and the watchdog on real processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import psutil
import pytest

from autograder.sandbox import limits
from autograder.sandbox.limits import ControlGroup, Limits, Watchdog, descendants

LIMITS = Limits(memory_mib=1536, processes=64, cpu_s=100, disk_mib=10, files=100)
V1 = "9:name=systemd:/\n8:pids:/jobs\n4:memory:/jobs/mine\n0::/\n"
V2 = "0::/user.slice/app.slice/shell.scope\n"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Return a function that makes a folder of control groups; new groups in it get the controllers' files."""

    def make(parent, *files):
        folder = tmp_path / parent
        folder.mkdir(parents=True)
        real = type(folder).mkdir

        def mkdir(path, *args, **kwargs):
            real(path, *args, **kwargs)
            for file in files if path.parent == folder else ():
                (path / file).write_text("")

        monkeypatch.setattr(type(folder), "mkdir", mkdir)
        return folder

    return make


def test_first_version_limits_memory_and_processes(tree, tmp_path):
    """In version 1 a group is made for memory and one for processes, below the grader's own."""
    memory = tree("memory/jobs/mine", "memory.limit_in_bytes")
    pids = tree("pids/jobs", "pids.max")
    group = ControlGroup.create(LIMITS, tmp_path, V1)
    assert group is not None
    assert [path.read_text() for path in memory.glob("vae-*/memory.limit_in_bytes")] == [str(1536 * 2**20)]
    assert [path.read_text() for path in pids.glob("vae-*/pids.max")] == ["64"]


@pytest.mark.parametrize("swap", [True, False], ids=["swap", "no swap"])
def test_second_version_stands_beside_the_grader(tree, tmp_path, swap):
    """In version 2 the group is the grader's sibling, as a group with processes has no limited groups below it."""
    files = ["memory.max", "memory.oom.group", "pids.max"] + ["memory.swap.max"] * swap
    folder = tree("user.slice/app.slice", *files)
    assert ControlGroup.create(LIMITS, tmp_path, V2) is not None
    (made,) = folder.glob("vae-*")
    assert {path.name: path.read_text() for path in made.iterdir()} == {
        "memory.max": str(1536 * 2**20),
        "memory.oom.group": "1",
        "pids.max": "64",
        **({"memory.swap.max": "0"} if swap else {}),
    }


@pytest.mark.parametrize("own", [V1, V2, ""], ids=["version 1", "version 2", "none"])
def test_group_that_cannot_be_limited_is_no_group(tmp_path, own):
    """Where a controller's files or the folder are missing, there is no group, and nothing is left."""
    (tmp_path / "user.slice" / "app.slice").mkdir(parents=True)
    assert ControlGroup.create(LIMITS, tmp_path, own) is None
    assert list(tmp_path.rglob("vae-*")) == []


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("memory.events", "low 0\nmax 3\noom_kill 1\n", "memory"),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", "memory"),
        ("pids.current", "64\n", "processes"),
        ("pids.current", "63\n", None),
        ("memory.events", "low 0\nmax 3\noom_kill 0\n", None),
    ],
)
def test_group_tells_which_limit_was_reached(tmp_path, file, text, found):
    """What the system ended for its memory, and a full group of processes, are named."""
    (tmp_path / file).write_text(text)
    assert ControlGroup({"memory": tmp_path}).exceeded(LIMITS) == found


def test_groups_of_graders_that_ended_are_removed(tree, tmp_path):
    """A group that a killed grader left behind goes when the next one is made; that of a living one stays."""
    folder = tree("user.slice/app.slice", "memory.max", "memory.oom.group", "pids.max")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (ended.pid, os.getpid()):
        os.mkdir(folder / f"vae-{pid}-abcd")
    ControlGroup.create(LIMITS, tmp_path, V2)
    assert not (folder / f"vae-{ended.pid}-abcd").exists()
    assert (folder / f"vae-{os.getpid()}-abcd").exists()


@pytest.fixture
def watch():
    """Return a function that watches a Python program, and returns what it was ended for; all is ended at the end."""
    started = []

    def watch(program, usage=lambda: (0, 0), **limits):
        process = subprocess.Popen([sys.executable, "-c", program])
        killed = []

        def kill():
            killed.append(True)
            for one in reversed(descendants(process.pid)):
                one.kill()

        watchdog = Watchdog(process.pid, replace(LIMITS, **limits), None, usage, kill)
        started.append((process, watchdog))
        watchdog.start()
        process.wait(30)
        watchdog.stop()
        return watchdog.verdict, len(killed)

    yield watch
    for process, watchdog in started:
        watchdog.stop()
        process.kill()
        process.wait()


def test_memory_of_all_processes_counts_together(watch):
    """Two processes that each stay below the limit pass it together."""
    hold = "x = bytearray(50 * 2**20); x[::4096] = bytes(len(x) // 4096); import time; time.sleep(20)"
    program = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {hold!r}])\n{hold}"
    assert watch(program, memory_mib=90) == ("it took more than 90 MiB of memory", 1)


def test_memory_that_forks_share_counts_once(watch):
    """Forked processes that change nothing do not pass the limit."""
    program = (
        "import os, time\nx = bytearray(60 * 2**20); x[::4096] = bytes(len(x) // 4096)\n"
        "children = [pid for pid in (os.fork() for i in range(1)) if pid]\ntime.sleep(2)"
    )
    assert watch(program, memory_mib=110) == ("", 0)


def test_shared_memory_without_a_file_counts(watch):
    """Memory that is mapped to be shared counts as other memory does."""
    program = "import mmap, time\nx = mmap.mmap(-1, 60 * 2**20)\nx.write(bytes(60 * 2**20))\ntime.sleep(20)"
    assert watch(program, memory_mib=50) == ("it took more than 50 MiB of memory", 1)


def test_file_that_is_mapped_counts_once(watch):
    """A file in memory is counted with the files, and not again where it is mapped."""
    program = "import mmap, time\nx = mmap.mmap(-1, 60 * 2**20)\nx.write(bytes(60 * 2**20))\ntime.sleep(2)"
    assert watch(program, usage=lambda: (60 * 2**20, 1), memory_mib=90, disk_mib=100) == ("", 0)


def test_system_that_does_not_split_shares_counts_all(watch, monkeypatch):
    """Where the kernel does not say what share of memory is whose, a process counts with all it holds."""
    whole = limits._resident
    split = {"Pss_Anon", "Pss_Shmem"}
    monkeypatch.setattr(limits, "_resident", lambda *of: {k: v for k, v in whole(*of).items() if k not in split})
    program = "import time\nx = bytearray(60 * 2**20); x[::4096] = bytes(len(x) // 4096); time.sleep(20)"
    assert watch(program, memory_mib=50) == ("it took more than 50 MiB of memory", 1)


def test_process_that_hides_its_memory_is_counted(watch):
    """A process that makes its maps unreadable for its own user counts with all it holds."""
    program = (
        "import ctypes, time\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n"
        "x = bytearray(60 * 2**20); x[::4096] = bytes(len(x) // 4096); time.sleep(20)"
    )
    assert watch(program, memory_mib=50) == ("it took more than 50 MiB of memory", 1)


def test_processes_and_threads_count_together(watch):
    """Threads count as processes do."""
    program = "import threading, time\nfor i in range(20): threading.Thread(target=time.sleep, args=(20,)).start()"
    assert watch(program, processes=16) == ("it took more than 16 processes and threads", 1)


def test_processor_time_has_an_end(watch):
    """Time of ended children counts, too."""
    program = "import subprocess, sys\nwhile True: subprocess.run([sys.executable, '-c', 'sum(range(10**7))'])"
    assert watch(program, cpu_s=1) == ("it took more than 1 s of processor time", 1)


@pytest.mark.parametrize(
    ("usage", "said"), [((11 * 2**20, 1), "more than 10 MiB of files"), ((1, 101), "more than 100 files")]
)
def test_files_have_a_size_and_a_number(watch, usage, said):
    """Size and number of the files are looked at."""
    assert watch("import time; time.sleep(20)", usage=lambda: usage) == (f"it took {said}", 1)


def test_modest_process_is_left_alone(watch):
    """A process within its limits ends by itself."""
    assert watch("import time; time.sleep(0.5)") == ("", 0)


def test_descendants_of_an_ended_process_are_none():
    """A process that is gone has no descendants."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert descendants(process.pid) == []


def test_look_ends_where_too_many_are_found():
    """What starts processes without end is not followed without end."""
    program = "import os, time\nfor i in range(20):\n    os.fork() or time.sleep(30)\nprint(flush=True)\ntime.sleep(30)"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True)
    try:
        process.stdout.readline()
        assert len(limits.seen(process.pid, 64)) == 21
        assert len(limits.seen(process.pid, 8)) == 9
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_look_at_once_finds_what_is_over(watch):
    """`look` does not wait for the next round, and kills once."""
    process = psutil.Popen([sys.executable, "-c", "import time; time.sleep(20)"])
    killed = []
    watchdog = Watchdog(process.pid, LIMITS, None, lambda: (0, 101), lambda: killed.append(time.monotonic()))
    assert watchdog.look() == "it took more than 100 files"
    assert watchdog.look() == "it took more than 100 files"
    assert len(killed) == 1
    process.kill()
    process.wait()


def test_reading_of_memory_that_waits_keeps_nothing_from_being_counted(watch, monkeypatch):
    """Memory in common is read behind a lock that a process holds while it forks: processes are counted all the same."""
    asked = threading.Event()
    let = threading.Event()
    monkeypatch.setattr(limits, "_shares", lambda processes, held: asked.set() or let.wait(60) or 2**60)
    program = "import os, time; time.sleep(1); [os.fork() or time.sleep(100) for _ in range(8)]; time.sleep(100)"
    try:
        assert watch(program, memory_mib=1, processes=4) == ("it took more than 4 processes and threads", 1)
        assert asked.is_set()
    finally:
        let.set()
