"""Real kernels: cells and calls that hang, die, flood or forge, and what is left afterwards."""

import os
import tempfile
from pathlib import Path

import nbformat
import pytest
import torch

from autograder import kernel
from autograder.course import Course
from autograder.kernel import Session
from autograder.remote import BadAnswer, Died, NotDefined, Raised, StudentError, TooSlow

pytestmark = pytest.mark.slow

LIMITS = {"cell_timeout_s": 2, "call_timeout_s": 2, "output_limit_kib": 16, "message_limit_mib": 8}
MARK = "VAE_KIT_TEST"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder that kernels get theirs in; short, because socket names are."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="k") as place:
        patch.setattr(tempfile, "tempdir", place)
        patch.setattr(kernel, "SETTLE_S", 1)
        yield Path(place)


@pytest.fixture(scope="module")
def session(folder):
    """Return a function that makes a session of some cells; all sessions are closed at the end."""
    sessions = []

    def make(*cells, files=None, **limits):
        course = Course(course_id="t", assignments=("vae",), dataset="glyphs", device="cpu", **(LIMITS | limits))
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        sessions.append(Session(course, notebook, files or {}))
        sessions[-1].cells = notebook.cells
        return sessions[-1]

    yield make
    for one in sessions:
        one.close()


def text(cell):
    """Return what a cell printed."""
    return "".join(output.get("text", "") for output in cell.outputs)


def alive(session):
    """Return the processes that belong to a session's kernel: its group."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if group(pid) == session.group]


def group(pid):
    """Return a process's group, or None where it ended meanwhile or is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[2])


@pytest.fixture(scope="module")
def troubled(session):
    """A notebook with a loop, a flood, an error and a good cell."""
    one = session(
        "while True: pass",
        "for i in range(100_000): print('line', i)",
        "from IPython.display import display\nfor i in range(50): display({'text/html': '<b>' + 'x' * 3000}, raw=True)",
        "1 / 0",
        "def double(x): return 2 * x\nprint('end')",
    )
    one.stopped = one.run()
    return one


def test_cell_that_loops_is_interrupted(troubled):
    """A cell beyond its time is interrupted and says so, and the cells after it run."""
    assert troubled.stopped == {0: "did not end within 2 s and was interrupted"}
    assert "[This cell did not end within 2 s and was interrupted.]" in text(troubled.cells[0])
    assert text(troubled.cells[4]) == "end\n"


@pytest.mark.parametrize("index", [1, 2], ids=["print", "display"])
def test_flood_of_output_is_cut(troubled, index):
    """Of endless output a bounded beginning is kept, with one note."""
    outputs = troubled.cells[index].outputs
    assert len(str(outputs)) < 40_000
    assert outputs[-1].text == "[output cut: more than 16 KiB]\n"
    assert sum("output cut" in output.get("text", "") for output in outputs) == 1


def test_cell_with_an_error_does_not_stop_the_notebook(troubled):
    """An exception stands in its cell's outputs and is no reason to stop."""
    assert troubled.cells[3].outputs[0].ename == "ZeroDivisionError"
    assert torch.equal(troubled.student.double(torch.ones(2)), torch.full((2,), 2.0))


def test_cells_that_end_the_kernel_are_left_out(session):
    """A cell that ends the kernel, and one that no interrupt reaches, are named; the others run in a new kernel."""
    one = session(
        "x = 1",
        "import os; os._exit(0)",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "def f(): return x",
    )
    assert one.run() == {
        1: "ended the kernel",
        2: "did not end within 2 s, could not be interrupted, and the kernel was stopped",
    }
    assert one.student.f() == 1


def test_output_too_large_to_read_stops_the_kernel(session):
    """A message beyond the bound is never read; its cell is named, and the others run."""
    one = session("def f(): return 1", "print('x' * 2 * 10**7)", cell_timeout_s=20)
    assert one.run() == {1: "put out more than can be read, and the kernel was stopped"}
    assert one.student.f() == 1


@pytest.fixture(scope="module")
def calls(session):
    """A notebook of functions that hang, die, answer with too much, or forge an answer."""
    one = session(
        "import os, sys, time",
        "count = 0\ndef add():\n    global count\n    count += 1\n    return count",
        "def hang(): time.sleep(1000)",
        "def stubborn():\n    while True:\n        try: time.sleep(1000)\n        except BaseException: pass",
        "def die(): os._exit(3)",
        "def lazy():\n    import torch\n    return torch.ones(1).expand(2**28)",
        "def flood():\n    for i in range(20_000): print('x' * 100, flush=True)\n    return 1",
        # A reply of the agent's form on every comm, without the key, before the true answer
        "def forge():\n"
        "    manager = get_ipython().kernel.comm_manager\n"
        "    for comm in manager.comms.values():\n"
        "        for data in ({}, {'key': ''}, {'key': None}, {'key': '0' * 32}, 'key'):\n"
        '            comm.send(data=data, buffers=[b\'{"k":"d","v":{"value":{"k":"v","v":100}}}\', b\'\'])\n'
        "    return 1",
        "def exit(): sys.exit()",
    )
    one.run()
    return one


@pytest.mark.parametrize("name", ["hang", "stubborn"])
def test_call_that_hangs_costs_a_restart(calls, name):
    """A call beyond its time ends, and the next call is answered by a new kernel."""
    with pytest.raises(TooSlow, match=f"^{name} did not return within 2 s"):
        calls.student.call(name)
    assert calls.student.add() == 1


def test_call_that_ends_the_kernel_costs_a_restart(calls):
    """A call that ends the kernel is named, and after two of them not made again."""
    for _ in range(2):
        with pytest.raises(Died, match="^die ended the kernel"):
            calls.student.die()
    with pytest.raises(TooSlow, match="die hung or ended the kernel 2 times; it was not called again"):
        calls.student.die()
    assert calls.student.add() == 1


def test_call_with_a_lazy_giant_result_is_refused(calls):
    """A result of 1 GB that takes no memory is measured before it is made."""
    with pytest.raises(BadAnswer, match="lazy: a tensor of shape .* takes 1073741824 bytes"):
        calls.student.lazy()


def test_call_that_floods_is_answered(calls):
    """What a call prints does not keep its answer away."""
    assert calls.student.flood() == 1


def test_forged_reply_without_the_key_is_ignored(calls):
    """Only the reply with the call's own key counts."""
    assert calls.student.forge() == 1


def test_exit_in_a_call_does_not_end_the_kernel(calls):
    """sys.exit is an exception like any other."""
    with pytest.raises(StudentError, match="exit raised SystemExit"):
        calls.student.call("exit")


def test_restart_remembers_nothing(calls):
    """State that calls left behind is gone after a restart, and the notebook's is there."""
    calls.student.add()
    assert calls.student.add() > 1
    calls.restart()
    assert calls.student.add() == 1


def test_kernel_sees_its_files_and_little_else(session, monkeypatch):
    """Checkpoints lie in the kernel's folder with the lab; the grader's environment and folders are not there."""
    monkeypatch.setenv(MARK, "secret")
    one = session(
        "import os, sys, pathlib",
        "def look(): return sorted(map(str, pathlib.Path().glob('*'))), pathlib.Path('checkpoints/a').read_text(), dict(os.environ)",
        "def paths(): return [m for m in ('autograder', 'tests', 'course_config') if __import__('importlib').util.find_spec(m)]",
        files={"checkpoints/a": b"weights"},
    )
    one.run()
    names, content, environment = one.student.look()
    assert (names, content) == (["checkpoints", "lab"], "weights")
    assert MARK not in environment
    assert environment["COURSE_DATASET"] == "glyphs"
    assert one.student.paths() == []


def test_close_leaves_nothing_behind(session, folder):
    """After closing, neither processes nor files of the kernel are left."""
    one = session(
        "import subprocess, os\nprocess = subprocess.Popen(['sleep', '1000'])", "def pid(): return os.getpgid(0)"
    )
    one.run()
    one.group = one.student.pid()
    own = one._folder
    assert len(alive(one)) >= 2
    assert own.parent == folder
    one.close()
    assert alive(one) == []
    assert not own.exists()


def test_child_of_a_kernel_that_died_is_ended(session):
    """A child process does not outlive a kernel that ended itself."""
    one = session(
        "import subprocess, os\nprocess = subprocess.Popen(['sleep', '1000'])",
        "def pid(): return os.getpgid(0)\ndef die(): os._exit(1)",
    )
    one.run()
    one.group = one.student.pid()
    with pytest.raises(Died):
        one.student.die()
    assert alive(one) == []


def test_kernel_that_ends_after_the_notebook_is_the_students(session):
    """A kernel that ends itself as soon as the cells have run makes calls fail, not the grader."""
    one = session(
        "import asyncio, os, IPython\nloop = asyncio.get_event_loop()\n"
        "get_ipython().events.register('post_run_cell', lambda result: loop.call_later(0.05, os._exit, 1))"
    )
    assert set(one.run()) <= {0}
    with pytest.raises((Died, NotDefined)):
        one.student.f()


def test_submission_out_of_time_makes_no_more_calls(session):
    """Once a submission used up its time, calls fail at once."""
    one = session("def f(): return 1")
    one._deadline = 0.0
    with pytest.raises(TooSlow, match="used up its 3600 s"):
        one.student.f()


def test_memory_beyond_the_limit_is_refused_to_a_call(session):
    """A call that asks for more memory than allowed raises there, and the next call is answered."""
    one = session(
        "import torch",
        "def greedy(): return torch.ones(2**30).sum()",  # 4 GiB
        "def modest(): return torch.ones(2**20).sum()",
        memory_limit_mib=2048,
    )
    one.run()
    with pytest.raises(Raised, match="memory"):
        one.student.greedy()
    assert float(one.student.modest()) == 2**20


def test_object_that_hangs_costs_no_other_object_its_calls(session):
    """Calls of one kept object that hang do not use up those of another one."""
    one = session(
        "import time\nclass Slow:\n    def __call__(self): time.sleep(30)",
        "class Quick:\n    def __call__(self): return 1",
    )
    one.run()
    for _ in range(kernel.STRIKES):
        with pytest.raises(TooSlow, match="did not return"):
            one.student.new("Slow")()
    with pytest.raises(TooSlow, match="not called again"):
        one.student.new("Slow")()
    assert one.student.new("Quick")() == 1
