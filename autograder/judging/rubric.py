"""The pytest plugin that turns hidden tests into outcomes: `worth` ties a test to an exercise, `Partial` gives a share of it.

Runs in the grader's own process, never in a student's kernel. Fixtures: `student` (remote.Student), `draw` (draw.Draw) and `trained`
(returns the gates.Evaluation of a trained model by its name, measured once per submission).
"""

import inspect
import os
from collections.abc import Callable, Collection

import pytest

from autograder.catalogue import SUITE
from autograder.judging.draw import Draw
from autograder.kernel.failures import NotGraded, StudentError
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.reporting.report import Outcome, Status


class Partial(AssertionError):
    """Part of a test's weight is earned.

    Args:
        credit: share of the weight, in [0, 1).
        message: says what was expected, what came, what to do.
    """

    def __init__(self, credit: float, message: str):
        super().__init__(message)
        self.credit = min(max(0.0, float(credit)), 1.0)  # in this order not a number is 0


def worth(cell: str, weight: float = 1.0, kind: Kind = Kind.VALUE, part: str = "") -> Callable:
    """Tie a hidden test to the exercise `cell`; the cell's points are shared among its tests by weight, within the bounds that
    the kind of what it asks sets (`reporting.points`). `part`: the function it asks, where the exercise has two."""
    if not weight > 0:
        raise ValueError(f"worth({cell!r}, weight={weight}): a weight is positive")
    return pytest.mark.worth(cell, weight, kind, part)


class SuiteError(Exception):
    """The hidden suite itself could not be run; costs no student a point."""


class Plugin:
    """Collects outcomes while pytest runs one suite on one submission."""

    def __init__(
        self,
        student: Student,
        evaluate: Callable | None,
        draw_for: Callable[[str], Draw],
        progress: Callable,
        cells: Collection[str] | None,
    ):
        self.outcomes: list[Outcome] = []
        self.problems: list[str] = []
        self.interrupted = False
        self._student, self._evaluate, self._draw_for, self._progress = student, evaluate, draw_for, progress
        self._cells = cells

    @pytest.fixture
    def student(self, request):
        self._student.exercise = _cell(request.node)
        # what a student draws without a generator is the same at every regrade
        self._student.seed(self._draw_for(f"{request.node.name} global").seed())
        return self._student

    @pytest.fixture
    def draw(self, request):
        return self._draw_for(request.node.name)

    @pytest.fixture
    def trained(self, request):
        if self._evaluate is None:
            raise StudentError("There is no trained model to look at.")
        self._student.exercise = _cell(request.node)
        return self._evaluate

    def pytest_configure(self, config):
        config.option.tbstyle = "native"  # the option itself belongs to the plugin "terminal", which is off
        config.addinivalue_line("markers", "worth(cell, weight, kind, part): what a hidden test belongs to and counts")

    def pytest_keyboard_interrupt(self, excinfo):
        self.interrupted |= excinfo.type is KeyboardInterrupt  # pytest's own ends of a session are of derived types

    def pytest_collectreport(self, report):
        if report.failed:
            self.problems.append(str(report.longrepr))

    def pytest_collection_modifyitems(self, items):
        if self._cells is not None:
            order = {cell: place for place, cell in enumerate(self._cells)}
            items[:] = [item for item in items if _cell(item) in order or not _cell(item)]
            items.sort(key=lambda item: order.get(_cell(item), -1))
        items.sort(
            key=lambda item: "trained" in item.fixturenames
        )  # last: measuring ends the kernel that the others ask

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        if call.when == "call" or (call.excinfo is not None and call.when == "setup"):
            mark = item.get_closest_marker("worth")
            error = call.excinfo.value if call.excinfo else None
            self.outcomes.append(outcome_of(item.function, item.name, mark and mark.args, error, call.duration))
            self._progress(self.outcomes[-1])
        elif call.excinfo is not None:
            self.problems.append(f"{item.name}: {call.excinfo.getrepr()}")
        return report


def run_suite(
    assignment: str,
    student: Student,
    *,
    secret: str,
    student_id: str,
    cells: Collection[str] | None = None,
    evaluate: Callable | None = None,
    progress: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Run the hidden suite of an assignment and return one outcome per test.

    Args:
        assignment: name of the suite, the folder suite/{assignment}/.
        student: the submission.
        secret: the course's secret, from which inputs are drawn.
        student_id: whose submission it is.
        cells: the exercises to test, in this order; all of them, in the order of their names, where None.
        evaluate: returns a trained model's gates.Evaluation by its name; raises StudentError where there is none.
        progress: called with each outcome as it comes.
    Raises:
        SuiteError: the suite is missing, cannot be collected, or pytest itself failed.
        KeyboardInterrupt: somebody wants to stop.
    """
    path = SUITE / assignment
    if not path.is_dir():
        raise SuiteError(f"there is no hidden suite for {assignment!r}")
    plugin = Plugin(student, evaluate, lambda test: Draw(secret, student_id, assignment, test), progress, cells)
    off = (
        "cacheprovider",
        "terminal",
        "logging",
        "faulthandler",
        "unraisableexception",
        "threadexception",
        "junitxml",
        "doctest",
    )
    options = [
        f"--rootdir={SUITE}",
        f"--confcutdir={SUITE}",
        "-c",
        os.devnull,
        "--noconftest",
        "--import-mode=importlib",
    ]
    options += [
        "--capture=no",
        "--disable-plugin-autoload",
        "--assert=plain",
        *(f"-pno:{name}" for name in off),
    ]
    addopts = os.environ.pop("PYTEST_ADDOPTS", None)
    try:
        code = pytest.main([*options, str(path)], plugins=[plugin])
    finally:
        if addopts is not None:
            os.environ["PYTEST_ADDOPTS"] = addopts
    if plugin.interrupted:  # pytest takes it for the end of its own session
        raise KeyboardInterrupt
    expected = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
    if plugin.problems or code not in expected[: 2 if cells is None else 3]:
        raise SuiteError("\n".join(plugin.problems) or f"pytest ended with {code!r}")
    return plugin.outcomes


def _cell(item) -> str:
    """Return the exercise a hidden test belongs to; empty where it has no `worth`."""
    mark = item.get_closest_marker("worth")
    return mark.args[0] if mark else ""


def outcome_of(
    test: Callable, name: str, worth: tuple[str, float, Kind, str] | None, error: BaseException | None, seconds: float
) -> Outcome:
    """Return what a hidden test that ended with `error` (None: it passed) says of a submission.

    Args:
        test: the hidden test. name: its name.
        worth: its exercise, weight, kind and part; None where it has none, which is our error.
    """
    cell, weight, kind, part = worth or ("", 1.0, Kind.VALUE, "")
    sentence = " ".join(inspect.getdoc(test).split()) if test.__doc__ else name
    known = {"cell": cell, "test": name, "weight": weight, "kind": kind, "part": part}
    known |= {"sentence": sentence, "seconds": round(seconds, 3)}
    if worth is None:
        return Outcome(status=Status.ERROR, credit=0, detail="the test has no worth(cell, weight)", **known)
    if error is None:
        return Outcome(status=Status.PASSED, credit=1, **known)
    if isinstance(error, Partial):
        return Outcome(status=Status.FAILED, credit=error.credit, message=str(error), **known)
    if isinstance(error, (AssertionError, StudentError)):
        return Outcome(
            status=Status.FAILED, credit=0, message=str(error), hint=getattr(error, "hint", "") or "", **known
        )
    if isinstance(error, NotGraded):
        return Outcome(status=Status.UNGRADED, credit=0, message=str(error), **known)
    if isinstance(error, pytest.skip.Exception):
        return Outcome(status=Status.SKIPPED, credit=0, message=str(error), **known)
    detail = str(pytest.ExceptionInfo.from_exception(error).getrepr(style="short"))
    return Outcome(status=Status.ERROR, credit=0, detail=detail, **known)
