"""Real kernels: cells and calls that hang, die, flood or forge, and what is left afterwards."""

import tempfile
import time
from pathlib import Path

import nbformat
import psutil
import pytest
import torch
import zmq

from autograder.course import Course
from autograder.kernel.failures import BadAnswer, Died, NotDefined, NotGraded, Raised, StudentError, TooSlow
from autograder.kernel.live import Kernel
from autograder.kernel.runner import BoundedClient
from autograder.kernel.session import STRIKES, Plan, Session
from autograder.sandbox import levels
from autograder.sandbox.limits import ControlGroup, descendants

pytestmark = pytest.mark.slow

LIMITS = {"cell_timeout_s": 2, "call_timeout_s": 2, "output_limit_kib": 16, "message_limit_mib": 8}
MARK = "VAE_KIT_TEST"
LEVELS = [level for level in levels.LEVELS if levels.unusable(level) is None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder that kernels get theirs in; short, because socket names are."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="k") as place:
        patch.setattr(tempfile, "tempdir", place)
        patch.setattr("autograder.kernel.live.SETTLE_S", 1)
        yield Path(place)


@pytest.fixture(scope="module")
def session(folder):
    """Return a function that makes a session of some cells; all sessions are closed at the end."""
    sessions = []

    def make(*cells, files=None, plan=None, **limits):
        known = {"course_id": "t", "assignments": ("vae",), "dataset": "glyphs", "device": "cpu"}
        course = Course(**(known | LIMITS | limits))
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        sessions.append(Session(course, notebook, files or {}, plan=plan))
        sessions[-1].cells = notebook.cells
        return sessions[-1]

    yield make
    for one in sessions:
        one.close()


def text(cell):
    """Return what a cell printed."""
    return "".join(output.get("text", "") for output in cell.outputs)


def processes(session):
    """Return the kernel's processes and all it started."""
    return descendants(session._kernel.provisioner.pid)


def alive(processes):
    """Return those of some processes that still run."""
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def troubled(session):
    """A notebook with a loop, a flood, an error and a good cell."""
    one = session(
        "while True: pass",
        "for i in range(50_000): print('line', i)",
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
    assert outputs[-1].text.endswith("\n[output cut: more than 16 KiB]\n")
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


def test_cells_that_another_session_knows_to_end_the_kernel_are_not_run_again(session, monkeypatch):
    """A session that learns from another one of the same cells needs one kernel, and says of missing names what that one would."""
    cells = ["import os; os._exit(0)\ng = 1", "def f(): return 1"]
    one, other = session(*cells), session(*cells)
    found = one.run()
    kernels = []
    start = Kernel.start
    monkeypatch.setattr(Kernel, "start", lambda self, *given: kernels.append(self) or start(self, *given))
    other.learn(one)
    assert other.run() == found == {0: "ended the kernel"}
    assert other.student.f() == 1
    assert len(kernels) == 1
    with pytest.raises(StudentError) as missed:
        other.student.variable("g")
    with pytest.raises(StudentError) as known:
        one.student.variable("g")
    assert str(missed.value) == str(known.value)
    assert "ended the kernel" in str(known.value)


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
        "def hang():\n    while True: pass",
        "def stubborn():\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
        "def wait(): time.sleep(1000)",
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


def test_call_that_only_waits_is_not_graded(calls):
    """A call that takes its time on the clock without computing is nobody's fault that could be told from here."""
    with pytest.raises(NotGraded, match="^wait did not return within .* of which it computed for 0 s"):
        calls.student.wait()
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
    """What it is given lies in the kernel's folder; the grader's environment and folders are not there."""
    monkeypatch.setenv(MARK, "secret")
    one = session(
        "import os, sys, pathlib",
        "def look(): return sorted(map(str, pathlib.Path().glob('*'))), pathlib.Path('checkpoints/a').read_text(), dict(os.environ)",
        "def paths(): return [m for m in ('autograder', 'tests', 'course_config') if __import__('importlib').util.find_spec(m)]",
        files={"checkpoints/a": b"weights"},
    )
    one.run()
    names, content, environment = one.student.look()
    assert (names, content) == (["checkpoints"], "weights")
    assert MARK not in environment
    assert environment["COURSE_DATASET"] == "glyphs"
    assert one.student.paths() == []


SLEEPERS = """
import os, subprocess, time
process = subprocess.Popen(["sleep", "1000"])
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
os.makedirs("locked")
os.chmod("locked", 0)
"""


@pytest.mark.parametrize("level", LEVELS)
def test_close_leaves_nothing_behind(session, folder, level):
    """After closing, neither processes, daemons among them, nor files of the kernel are left."""
    one = session(SLEEPERS if level == "bubblewrap" else SLEEPERS.replace("setsid", "getpid"), sandbox=level)
    one.run()
    own, started = one._kernel.folder, processes(one)
    assert sum(process.name() in ("sleep", "python", "python3") for process in started) >= 2
    assert own.parent == folder
    one.close()
    assert alive(started) == []
    assert not own.exists()


@pytest.mark.parametrize("level", LEVELS)
def test_child_of_a_kernel_that_died_is_ended(session, level):
    """A child process does not outlive a kernel that ended itself."""
    one = session(
        "import subprocess, os\nprocess = subprocess.Popen(['sleep', '1000'])",
        "def die(): os._exit(1)",
        sandbox=level,
    )
    one.run()
    started = processes(one)
    with pytest.raises(Died):
        one.student.die()
    assert alive(started) == []


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
    one.deadline = 0.0
    with pytest.raises(NotGraded, match="used up its 3600 s"):
        one.student.f()


@pytest.mark.parametrize("level", LEVELS)
def test_memory_beyond_the_limit_ends_a_call(session, level):
    """A call that asks for far more memory than allowed raises, one that takes it bit by bit ends the kernel; both say so."""
    one = session(
        "import torch\nkept = []",
        "def greedy(): return torch.ones(2**30).sum()",  # 4 GiB
        "def growing():\n    while True: kept.append(torch.ones(2**20))",
        "def modest(): return torch.ones(2**20).sum()",
        memory_limit_mib=1536,
        call_timeout_s=20,
        cell_timeout_s=30,
        sandbox=level,
    )
    one.run()
    with pytest.raises(Raised, match="memory"):
        one.student.greedy()
    with pytest.raises(StudentError, match="more than 1536 MiB of memory|allocate memory"):
        one.student.growing()
    assert float(one.student.modest()) == 2**20


LIMITED = {
    "memory": ("x = []\nwhile True: x.append(bytearray(2**20))", "it took more than 1536 MiB of memory"),
    "fork bomb": (
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        "it took more than 48 processes and threads",
    ),
    "processes left behind": (
        "import os, time\nfor i in range(100):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(100)",
        "it took more than 48 processes and threads",
    ),
    "files": ("i = 0\nwhile True:\n    open(f'f{i}', 'w').close()\n    i += 1", "it took more than 500 files"),
    "C loop": ("sum(__import__('itertools').repeat(0))", "it took more than 8 s of processor time"),
}


@pytest.mark.parametrize("counted", ["group", "watchdog"])
@pytest.mark.parametrize("name", LIMITED)
def test_limit_ends_its_cell_alone(session, monkeypatch, name, counted):
    """A cell that passes a limit is named with the limit, and the cells after it run, with and without control groups."""
    if counted == "watchdog":
        monkeypatch.setattr(ControlGroup, "create", lambda limits: None)
    cell, said = LIMITED[name]
    limits = {"memory_limit_mib": 1536, "processes_limit": 48, "files_limit": 500, "cpu_limit_s": 8}
    one = session(cell, "def f(): return 1", cell_timeout_s=20, **limits)
    told = one.run()
    assert told.keys() == {0}
    assert told[0] == f"ended the kernel: {said}"
    assert one.student.f() == 1


def test_disk_has_a_size(session):
    """What a cell writes beyond the limit is refused to it, wherever it writes."""
    places = ["'a'", "'/dev/shm/a'", "'/tmp/a'"]
    cells = [f"with open({place}, 'wb') as f:\n    for i in range(100): f.write(bytes(2**20))" for place in places]
    one = session(*cells, "def f(): return 1", disk_limit_mib=16)
    one.run()
    errors = [cell.outputs[-1] for cell in one.cells[: len(places)]]
    assert all(error.ename == "OSError" for error in errors)
    assert one.student.f() == 1


BUSY = {
    "processes": "import os, time\nfor i in range(8):\n    if os.fork() == 0:\n        while True: pass\ntime.sleep(1000)",
    "threads": (
        "import threading, time\ndef work():\n    while True: pass\n"
        "for i in range(8): threading.Thread(target=work).start()\ntime.sleep(1000)"
    ),
}


@pytest.mark.parametrize("what", BUSY)
def test_what_an_interrupted_cell_started_takes_no_time_from_others(session, what):
    """Processes and threads that a cell beyond its time leaves behind end with it, and the cells after it run."""
    one = session(BUSY[what], "import time\nfor i in range(10**6): pass", "def f(): return 1", cell_timeout_s=4)
    stopped = one.run()
    assert list(stopped) == [0]
    assert stopped[0].startswith("did not end within 4 s")
    assert one.student.f() == 1


def test_cells_beyond_the_submissions_time_are_not_run(session):
    """Slow cells together end with the submission's time; calls then fail, and say so."""
    one = session(*["import time; time.sleep(1.5)"] * 50, "def f(): return 1", submission_timeout_s=4)
    started = time.monotonic()
    assert len(one.run()) <= 1  # the one that was running then
    assert time.monotonic() - started < 30
    with pytest.raises(NotGraded, match="used up its 4 s"):
        one.student.f()


def test_messages_that_no_kernel_sends_are_ignored(session):
    """A notebook that sends messages without the parts they must have runs as if it had not."""
    one = session(
        "kernel = get_ipython().kernel\nparent = kernel.get_parent()\n"
        "for kind in ('status', 'stream', 'display_data', 'execute_result', 'error', 'execute_input', 'clear_output'):\n"
        "    for content in ({}, {'data': 3}, {'name': [], 'text': {}}):\n"
        "        kernel.session.send(kernel.iopub_socket, kind, content, parent=parent)\n"
        "for frames in ([b'<IDS|MSG>'], [b''], [b'a', b'b'], [b'<IDS|MSG>', b'signature', *[b'{}'] * 4]):\n"
        "    kernel.iopub_socket.send_multipart(frames)",
        "def f(): return 1",
    )
    assert one.run() == {}
    assert one.student.f() == 1


def test_endless_output_ends_its_cell(session):
    """Output far beyond what is kept ends the cell, which is named with the limit."""
    one = session("while True: print('x' * 1000, flush=True)", "def f(): return 1", cell_timeout_s=30)
    assert one.run() == {0: "ended the kernel: it put out more than 1024 KiB"}
    assert text(one.cells[0]).startswith("x" * 1000)
    assert one.student.f() == 1


def test_object_that_hangs_costs_no_other_object_its_calls(session):
    """Calls of one kept object that hang do not use up those of another one."""
    one = session(
        "class Slow:\n    def __call__(self):\n        while True: pass",
        "class Quick:\n    def __call__(self): return 1",
    )
    one.run()
    for _ in range(STRIKES):
        with pytest.raises(TooSlow, match="did not return"):
            one.student.new("Slow")()
    with pytest.raises(TooSlow, match="not called again"):
        one.student.new("Slow")()
    assert one.student.new("Quick")() == 1


def test_statements_after_an_error_are_tried(session):
    """A statement that raises costs what it does itself; the error is told with its line."""
    one = session(
        "a = 1\nimport google.colab\nb = 2\n1 / 0\nc = a + b",
        "def f(): return c",
        "def g(:\n    return 1",
        "h = (_ for _ in ()).throw(NotImplementedError('write your answer here'))\nprint(h)",
    )
    one.run()
    assert one.student.f() == 3
    assert one.errors[0] == "ModuleNotFoundError: No module named 'google', in its line 2: import google.colab"
    assert set(one.errors) == {0, 2}  # an unsolved cell, and what follows from it, is no news
    assert "SyntaxError" in one.errors[2]
    assert "in its line 1: def g(:" in one.errors[2]
    with pytest.raises(
        NotDefined, match=r"g is not defined: cell 3 stopped with SyntaxError.* in its line 1: def g\(:"
    ):
        one.student.g()


ENDS = {
    "exit": "exit()",
    "quit": "quit()",
    "timer": "import os, threading\nthreading.Timer(0.1, os._exit, [1]).start()",
    "loop": "import asyncio, os\nasyncio.get_event_loop().call_later(0.1, os._exit, 1)",
    "descriptors": "import os\nfor i in range(3, 64):\n    try: os.write(i, b'garbage' * 3)\n    except OSError: pass",
    "shutdown": "get_ipython().kernel.do_shutdown(False)",
}


@pytest.mark.parametrize("name", ENDS)
def test_cell_that_ends_or_mutes_the_kernel_costs_no_other_cell(session, name):
    """Whatever ends the kernel a moment later, or keeps it from answering, is left out, and the others' functions are asked."""
    one = session("def f(): return 1", ENDS[name], "def g(): return 2")
    one.run()
    for _ in range(3):
        assert (one.student.f(), one.student.g()) == (1, 2)
        time.sleep(0.2)


def test_cells_after_one_that_ends_the_kernel_are_looked_at_in_turn(session):
    """After the first such cell no care is taken, until the kernel ends again; then the cell that did it is found, too."""
    later = "import time\ntime.sleep(0.5)"
    one = session(
        "def f(): return 1", ENDS["timer"], later, ENDS["loop"], later, ENDS["timer"], later, "def g(): return 2"
    )
    assert set(one.run()) == {1, 3, 5}
    assert (one.student.f(), one.student.g()) == (1, 2)


def test_cell_whose_own_reply_never_comes_costs_no_other_cell(session, monkeypatch):
    """A kernel that takes no message while a cell runs was muted by that cell, where it still answered after the one before."""
    execute = BoundedClient.execute_cell

    def muted(self, cell, *args, **options):
        if cell.source == "'mutes'":
            raise zmq.Again()
        return execute(self, cell, *args, **options)

    monkeypatch.setattr(BoundedClient, "execute_cell", muted)
    one = session("def f(): return 1", "'mutes'", "def g(): return 2")
    assert one.run() == {1: "kept the kernel from answering"}
    assert (one.student.f(), one.student.g()) == (1, 2)


def test_function_that_mutes_the_kernel_costs_no_other_function(session):
    """A function that writes into the kernel's connections is left not graded; the grader goes on, and so do the other functions."""
    one = session(
        ENDS["descriptors"]
        .replace("import os", "def f():\n    import os")
        .replace("\nfor", "\n    for")
        .replace("\n    try", "\n        try")
        .replace("\n    except", "\n        except"),
        "def g(): return 2",
    )
    one.run()
    started = time.monotonic()
    with pytest.raises((NotGraded, Died)):
        one.student.f()
    assert one.student.g() == 2
    assert time.monotonic() - started < 60


def test_names_mean_what_they_did_at_the_test_cell(session):
    """A name that is assigned again after the exercise's test cell keeps its meaning there; a later answer to a stub counts."""
    one = session(
        "class A:\n    def value(self): return 1",
        "def f(): return A().value() + max([1, 2])",
        "assert f() == 3",
        "def g(): raise NotImplementedError('write your answer here')",
        "assert g() == 5",
        "f = 7\nmax = 3\nA.value = lambda self: 100",
        "def g(): return 5",
        plan=Plan(tests={2: "f", 4: "g"}),
    )
    one.run()
    one.student.exercise = "f"
    assert one.student.f() == 3
    one.student.exercise = "g"
    assert one.student.g() == 5
    assert one.student.assigned_again() == ["f"]


def test_model_trained_further_is_asked_as_it_was(session):
    """What is trained after the test cell changes no weights that are judged, under the same name or not."""
    one = session(
        "import torch\nmodel = torch.nn.Linear(1, 1)\nwith torch.no_grad(): model.weight.fill_(2.0)",
        "assert model is not None",
        "with torch.no_grad(): model.weight.fill_(3.0)",
        plan=Plan(tests={1: "model"}),
    )
    one.run()
    one.student.exercise = "model"
    assert float(one.student.variable("model").state().parameters["weight"].detach()) == 2.0


AMBIENT = (
    "import torch, warnings, numpy as np\ntorch.set_grad_enabled(False)\ntorch.set_default_dtype(torch.float64)\n"
    "torch.use_deterministic_algorithms(True)\ntorch.autograd.set_detect_anomaly(True)\ntorch.set_num_threads(2)\n"
    "torch.set_default_device('meta')\nwarnings.simplefilter('error')\nnp.seterr(all='raise')\ntorch.set_float32_matmul_precision('medium')"
)


def test_settings_that_a_cell_left_reach_no_call(session):
    """Around each call torch, numpy and warnings are as they start; afterwards they are as the notebook left them."""
    one = session(
        AMBIENT,
        "def seen():\n"
        "    warnings.warn('w')\n    np.float64(1) / np.float64(0)\n"
        "    return (torch.is_grad_enabled(), str(torch.get_default_dtype()), torch.are_deterministic_algorithms_enabled(),\n"
        "            torch.is_anomaly_enabled(), torch.get_num_threads(), str(torch.zeros(1).device), torch.get_float32_matmul_precision())",
    )
    one.run()
    for _ in range(2):
        assert one.student.seen() == (True, "torch.float32", False, False, 1, "cpu", "highest")


def test_given_code_runs_beside_what_became_of_it(session):
    """Given sources run at their place although the notebook's own version fails."""
    one = session(
        "from google.colab import drive\nimport math",
        "def f(): return math.pi, torch.ones(1)",
        plan=Plan(given={0: ("import torch",)}),
    )
    one.run()
    assert one.student.f()[0] > 3


def test_own_cells_that_run_once_are_not_run_again(session):
    """A cell of the student's own after the last exercise takes no time of a restarted kernel."""
    one = session(
        "def f(): return 'n' in globals()",
        "def die():\n    import os\n    os._exit(1)",
        "n = 1",
        plan=Plan(once=frozenset({2})),
    )
    one.run()
    assert one.student.f() is True
    with pytest.raises(Died):
        one.student.die()
    assert one.student.f() is False


def test_timer_of_an_own_cell_is_blamed_on_no_exercise(session):
    """A cell of the student's own that lets the kernel end while a later cell runs costs nothing else."""
    one = session(
        "import os, threading\nthreading.Timer(0.6, os._exit, [1]).start()",
        "def f(): return 1",
        "import time\ntime.sleep(1)\ndef g(): return 2",
        plan=Plan(own=frozenset({0})),
    )
    assert one.run() == {}
    assert (one.student.f(), one.student.g()) == (1, 2)
