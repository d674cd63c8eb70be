"""The process of an examination: whatever it does, it ends, nothing of it is left, and the reason is told."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from autograder.examine import apart
from autograder.examine.apart import Lost, run
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("start", [apart.SERVED, apart.FORKED])]


def answering(send, value):
    send({"log": "a line"})
    send({"answer": value, "place": tempfile.mkdtemp()})


def hanging(send):
    """Wait for ever, with a child, and whatever it is told."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "1000"])
    send({"log": f"{os.getpid()} {child.pid} {tempfile.mkdtemp()}"})
    while True:
        time.sleep(1)


def growing(send):
    kept = []
    while True:
        kept.append(b"x" * 2**24)
        time.sleep(0.001)


def dying(send):
    os._exit(3)


def silent(send):
    """Return without an answer."""


def leaving(send):
    """Clean up when asked to end."""
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    send({"log": str(place)})
    try:
        time.sleep(1000)
    finally:
        place.rmdir()


def test_answer_comes_with_its_lines(start):
    """Lines come as they are said, then the answer; the folder for temporary files is gone."""
    lines = []
    told = run(answering, (float("nan"),), 60, lines.append, start=start)
    assert lines == ["a line"]
    assert told["answer"] != told["answer"]  # not a number comes back as such
    assert not Path(told["place"]).exists()


def test_hanging_process_ends_with_all_it_started(monkeypatch, start):
    """A process that never answers, and will not end when asked, is ended with its children at the deadline, and the reason is told."""
    monkeypatch.setattr(apart, "END_S", 1)
    lines = []
    with pytest.raises(Lost, match="the examination did not end within 5 s and was stopped"):
        run(hanging, (), 5, lines.append, start=start)
    process, child, place = lines[0].split()
    assert not any(
        psutil.pid_exists(int(pid)) and psutil.Process(int(pid)).status() != "zombie" for pid in (process, child)
    )
    assert not Path(place).exists()


def test_growing_process_ends(start):
    """A process beyond its memory is ended, and the reason is told."""
    with pytest.raises(Lost, match="took more than 1024 MiB of memory"):
        run(growing, (), 120, print, memory_mib=1024, start=start)


@pytest.mark.parametrize(("target", "status"), [(dying, 3), (silent, 0)])
def test_process_that_ends_without_an_answer_is_told(target, status, start):
    """A process that dies, or says nothing, leaves the submission not graded, with its status."""
    with pytest.raises(Lost, match=rf"the grader's own process ended \(status {status}\)"):
        run(target, (), 60, print, start=start)


def test_process_that_is_asked_to_end_cleans_up(start):
    """A process at its deadline is first asked, so that kernels end and folders go."""
    lines = []
    with pytest.raises(Lost):
        run(leaving, (), 4, lines.append, start=start)
    assert not Path(lines[0]).exists()


def test_process_ends_with_who_waits_for_it(start, tmp_path):
    """Where the waiting process is killed, as by a machine that lacks memory, its examination ends, too, and cleans up."""
    program = f"from autograder.examine.apart import run\nfrom tests.test_apart import leaving\nrun(leaving, (), 300, lambda line: print(line, flush=True), start={start!r})"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    waiting = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment, text=True)
    place = Path(waiting.stdout.readline().strip())
    assert place.is_dir()
    waiting.kill()
    waiting.wait()
    waiting.stdout.close()
    for _ in range(200):
        if not place.exists():
            break
        time.sleep(0.1)
    assert not place.exists()


def test_long_name_of_the_temporary_folder_is_no_obstacle(start, tmp_path):
    """Sockets, whose names are short, lie elsewhere then; nothing is left there, nor in the long folder."""
    long = tmp_path / ("x" * 90)
    long.mkdir()
    source = (
        "from autograder.examine import apart\nfrom tests.test_apart import answering\n"
        f"print(apart.run(answering, (1,), 60, lambda line: None, start={start!r})['place'])"
    )
    environment = os.environ | {"TMPDIR": str(long), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", source], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert not Path(done.stdout.strip()).parent.exists()
    assert list(long.iterdir()) == []
