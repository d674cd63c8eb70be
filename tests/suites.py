"""What the tests of all hidden suites share: submissions made of the reference and one mistake, and how they are run.

Solutions and mistakes are executed in this process: for trusted code only.
"""

import ast
import contextlib
import functools
import importlib
import inspect
import json
import re
import sys
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import nbformat
import pytest

from autograder import catalogue
from autograder.judging import expect, known
from autograder.judging.draw import Draw
from autograder.judging.rubric import SUITE, outcome_of
from autograder.kernel.failures import StudentError
from autograder.kernel.remote import in_process
from autograder.reporting.report import Outcome
from autograder.trained.gates import Evaluation, Gate
from autograder.trained.likelihood import Measurement
from tests.stored import stored

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = ROOT / "solutions"
VISIBLE = "visible check"  # under which name a report says what one did
GOOD = Measurement(bound=-90.0, elbo=-95.0, elbo_permuted=-250.0, active_units=20, latent_dim=50)
BAD = {  # measurements that miss one gate
    "low bound": {"bound": -98.0},
    "low elbo": {"elbo": -103.0},
    "encoder unused": {"elbo_permuted": -96.0},
    "collapsed": {"active_units": 0},
}


class Suite:
    """The hidden suite of one assignment, with its known mistakes and right variants.

    Args:
        assignment: its name.
    Attributes:
        mistakes: what is got wrong, by name. right: names of right variants.
        tests: hidden tests by name. cells: the exercise of each. asking: those that ask a student's functions.
        functions: what students write, as `function` or `Class.method`, with the exercise it belongs to.
    """

    def __init__(self, assignment: str):
        self.assignment = assignment
        self.mistakes = known.of(assignment)
        self.right = sorted(path.stem for path in (ROOT / "tests" / "right" / assignment).glob("*.py"))
        self.tests = {}
        for path in sorted((SUITE / assignment).glob("test_*.py")):
            module = importlib.import_module(f"autograder.suite.{assignment}.{path.stem}")
            self.tests |= {name: value for name, value in vars(module).items() if name.startswith("test_")}
        self.cells = {
            name: next(mark.args[0] for mark in test.pytestmark if mark.name == "worth")
            for name, test in self.tests.items()
        }
        self.asking = {n: t for n, t in self.tests.items() if "student" in inspect.signature(t).parameters}
        self.functions = {name: cell.id for cell in self._solution_cells() for name in _written(cell.source)}

    def _solution_cells(self) -> list:
        """Return the release's cells of code in which students write."""
        path = ROOT / "release" / self.assignment / f"{self.assignment}.ipynb"
        cells = nbformat.read(path, as_version=4).cells
        return [c for c in cells if c.cell_type == "code" and c.metadata.get("nbgrader", {}).get("solution")]

    @functools.cached_property
    def reached(self) -> dict[str, set[str]]:
        """Which of the functions each hidden test reaches, also through others, on the reference."""
        return {test: {name for name, _ in calls} for test, calls in self._calls.items()}

    @functools.cached_property
    def asked(self) -> list[str]:
        """The functions that hidden tests ask themselves, not through others."""
        direct = {name for calls in self._calls.values() for name, outer in calls if not outer}
        return [name for name in self.functions if name in direct]

    @functools.cached_property
    def _calls(self) -> dict[str, set[tuple[str, bool]]]:
        """By hidden test: which functions are called on the reference, and whether from inside another one."""
        release = ROOT / "release" / self.assignment / f"{self.assignment}.ipynb"  # says what students write
        found = stored(self.assignment, "calls", [release], self._find_calls)
        return {test: {(name, inside) for name, inside in calls} for test, calls in found.items()}

    def _find_calls(self) -> dict[str, list[tuple[str, bool]]]:
        found = {}
        for test in self.asking:
            namespace, calls, running = self.solution(), set(), []

            def noted(right, name, calls, running):
                def function(*args, **kwargs):
                    calls.add((name, bool(running)))
                    running.append(name)
                    try:
                        return right(*args, **kwargs)
                    finally:
                        running.pop()

                return function

            for name in self.functions:
                wrapped(namespace, name, functools.partial(noted, name=name, calls=calls, running=running))
            self.ask(test, namespace)
            found[test] = sorted(calls)
        return found

    @functools.cached_property
    def last(self) -> list[str]:
        """The functions that no other exercise's test reaches."""
        return [
            name
            for name, cell in self.functions.items()
            if name in self.asked
            and all(self.cells[test] == cell for test, seen in self.reached.items() if name in seen)
        ]

    @functools.cached_property
    def telling(self) -> list[str]:
        """Names of the mistakes without those between the first and the last of a family."""
        families: dict[str, list[str]] = {}
        for name, mistake in self.mistakes.items():
            families.setdefault(mistake.family or name, []).append(name)
        return [name for names in families.values() for name in dict.fromkeys((names[0], names[-1]))]

    @property
    def runs(self) -> set[str]:
        """Names of all mistakes and bad models."""
        return {*self.mistakes, *(f"{model}, {how}" for model in self.models for how in BAD)}

    @functools.cached_property
    def models(self) -> list[str]:
        """The trained models of the assignment."""
        return list(catalogue.models([self.assignment]))

    def solution(self, mistake: str | None = None) -> dict:
        """Return the namespace of the reference solution, with a mistake in it."""
        return self.mistakes[mistake].submission() if mistake else catalogue.solution(self.assignment)

    def path_of_variant(self, name: str) -> Path:
        """Return the file of a right variant."""
        return ROOT / "tests" / "right" / self.assignment / f"{name}.py"

    def variant(self, name: str) -> dict:
        """Return the namespace of a right variant."""
        path = self.path_of_variant(name)
        return run_sources([compile(path.read_text(), str(path), "exec")], {"__name__": "submission"})

    def outcomes(
        self,
        namespace: dict,
        secret: str = "secret",
        evaluate: Callable | None = None,
        cells: Collection[str] | None = None,
        tests: Collection[str] | None = None,
    ) -> list[Outcome]:
        """Ask the hidden tests, all or those of some exercises, or some; `evaluate` returns a trained model's evaluation by its name.

        What `rubric.run_suite` says, without a run of pytest for each submission.
        """
        student, found = in_process(namespace), []
        fixtures = {"student": student, "trained": evaluate or no_model}
        for name, test in self.tests.items():
            if (cells is None or self.cells[name] in cells) and (tests is None or name in tests):
                student.exercise = self.cells[name]
                student.seed(Draw(secret, "student", self.assignment, f"{name} global").seed())
                fixtures["draw"] = Draw(secret, "student", self.assignment, name)
                error, started = None, time.perf_counter()
                try:
                    test(**{fixture: fixtures[fixture] for fixture in inspect.signature(test).parameters})
                except (Exception, pytest.skip.Exception) as raised:
                    error = raised
                mark = next(mark for mark in test.pytestmark if mark.name == "worth")
                found.append(outcome_of(test, name, mark.args, error, time.perf_counter() - started))
        return found

    def who_hears(self, exercises: Collection[str]) -> set[str]:
        """Return the hidden tests of these exercises and those that reach a function of them: no other can fail by a mistake there."""
        functions = {name for name, cell in self.functions.items() if cell in exercises}
        return {t for t in self.tests if self.cells[t] in exercises or self.reached.get(t, set()) & functions}

    def ask(self, name: str, namespace: dict) -> Exception | None:
        """Return the exception with which one hidden test ends, None where it passes."""
        try:
            self.asking[name](in_process(namespace), Draw("secret", "student", self.assignment, name))
        except (AssertionError, StudentError) as error:
            return error
        return None

    def kill_matrix_table(self, told: list[tuple[str, dict]]) -> str:
        """Return which hidden test is failed by which mistakes, one line a test; empty where no mistake was run.

        Args:
            told: what `note` said of this assignment, in all processes: name and value.
        """
        runs = {name: value["failed"] for name, value in told if name in self.runs}
        if not runs:
            return ""
        lines = [f"{self.assignment}: {len(runs)} of {len(self.runs)} mistakes and bad models were run"]
        for name in self.tests:
            killers = sorted(mistake for mistake, failed in runs.items() if name in failed)
            more = f", … {len(killers) - 3} more" if len(killers) > 3 else ""
            if not killers and len(runs) < len(self.runs):
                continue  # nothing was asked that would fail it
            lines.append(f"{self.cells[name]:20} {name:72} {len(killers):3}  {', '.join(killers[:3])}{more}")
        return "\n".join(lines)

    def columns(self, told: list[tuple[str, dict]], each: bool) -> str:
        """Return how many mistakes the hidden tests and the visible check of their exercise catch; the latter is asked for wrong values.

        Args:
            told: what `note` and `note_visible` said of this assignment, in all processes: name and value.
            each: with a line a mistake, else a line an exercise.
        """
        hidden = {name: bool(value["failed"]) for name, value in told if name in self.mistakes}
        visible = {value["mistake"]: value["caught"] for name, value in told if name == VISIBLE}

        def line(name: str, mistakes: Iterable[str]) -> str:
            counts = (_share([found[one] for one in mistakes if one in found]) for found in (hidden, visible))
            return f"{name:52}" + "".join(f"{count:>10}" for count in counts)

        lines = [f"{self.assignment + ', mistakes caught by':52}{'hidden':>10}{'visible':>10}"]
        asked = [name for name in self.mistakes if name in hidden or name in visible]
        for exercise in dict.fromkeys(self.mistakes[name].exercise for name in asked):
            own = [name for name in asked if self.mistakes[name].exercise == exercise]
            lines += [line(exercise, own), *(line(f"  {name}", [name]) for name in own if each)]
        return "\n".join(lines)

    def note_visible(self, mistake: str, caught: bool, record_property: Callable) -> None:
        """Report whether the visible check of its exercise fails on a mistake, for the columns."""
        record_property(VISIBLE, json.dumps({"assignment": self.assignment, "mistake": mistake, "caught": caught}))

    def note(self, run: str, failed: list[str], record_property: Callable) -> None:
        """Report which hidden tests a run failed, for the table."""
        record_property(run, json.dumps({"assignment": self.assignment, "failed": failed}))

    def untouched(self) -> dict:
        """Return the namespace of the release in which nothing was written."""
        path = ROOT / "release" / self.assignment / f"{self.assignment}.ipynb"
        imports = [c.source for c in nbformat.read(path, as_version=4).cells if c.id == "imports"]
        return run_sources([*imports, *(c.source for c in self._solution_cells())], {"__name__": "submission"})


def _share(found: list[bool]) -> str:
    """Return how many are true, of how many."""
    return f"{sum(found)}/{len(found)}" if found else "–"


def no_model(name: str) -> Evaluation:
    """Stand for the trained models of a submission without any."""
    raise StudentError("There is no trained model to look at.")


def evaluation(measurement: Measurement = GOOD) -> Evaluation:
    """Return an evaluation against fixed gates."""
    return Evaluation(
        measurement=measurement,
        bound_gate=Gate(full=-92.0, none=-98.0),
        elbo_gate=Gate(full=-97.0, none=-103.0),
        active_window=(5, 40),
        best_reference=-89.0,
        suspicious_nats=5.0,
        conditions="somewhere",
        name="vae",
    )


def run_sources(sources: list, namespace: dict) -> dict:
    """Execute sources in a namespace and return it; solutions of earlier assignments can be imported by their names."""
    sys.path.insert(0, str(SOLUTIONS))
    try:
        for source in sources:
            exec(source, namespace)
    finally:
        sys.path.remove(str(SOLUTIONS))
    return namespace


def _written(source: str) -> list[str]:
    """Return the functions that a solution cell defines: `function`, or `Class.method` where it is one or is attached as one."""
    tree, names = ast.parse(source), []
    attached = {
        node.value.id: f"{target.value.id}.{target.attr}"
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name)
        for target in node.targets
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
    }
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            names.append(attached.get(node.name, node.name))
        elif isinstance(node, ast.ClassDef):
            methods = [m.name for m in node.body if isinstance(m, ast.FunctionDef) and m.name != "__init__"]
            names += [f"{node.name}.{name}" for name in methods]
    return names


def wrapped(namespace: dict, name: str, wrap: Callable) -> dict:
    """Put `wrap(function)` in the place of a function of the namespace, or of a method given as Class.method."""
    owner, _, method = name.rpartition(".")
    if owner:
        setattr(namespace[owner], method, wrap(getattr(namespace[owner], method)))
    else:
        namespace[name] = wrap(namespace[name])
    return namespace


def spoiled(namespace: dict, name: str, change: Callable) -> dict:
    """Make a function of the namespace, or a method given as Class.method, answer something else."""
    return wrapped(namespace, name, lambda right: lambda *args, **kwargs: change(right(*args, **kwargs)))


def answering(namespace: dict, names: Iterable[str], answer: Callable) -> dict:
    """Make functions, or methods given as Class.method, return `answer(arguments, right answer)`."""
    for name in names:
        wrapped(namespace, name, lambda right: lambda *args, **kwargs: answer(args, right(*args, **kwargs)))
    return namespace


@contextlib.contextmanager
def expected_values():
    """Yield a list that receives the values which hidden tests expect while it is open."""
    wanted, equal = [], expect.equal

    def recording(got, want):
        if hasattr(want, "is_floating_point") and want.is_floating_point():
            wanted.extend(want.detach().flatten()[:100].tolist())
        return equal(got, want)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expect, "equal", recording)
        yield wanted


def leaks(wanted: Iterable[float], said: str) -> list[str]:
    """Return the expected values that what is said to a student shows."""
    shown = {text for value in wanted for text in (f"{value:.4g}", f"{value:.3f}", f"{value:.6g}", str(value))}
    said = re.sub(r"A small case: .*? yours gives [-\[\]\d., einfa]+", "", said)  # public, with its right value
    numbers = set(re.findall(r"-?\d+\.\d+(?:e[-+]\d+)?", said))
    return sorted(text for text in shown & numbers if len(text.strip("-0.")) > 3)
