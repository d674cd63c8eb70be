"""What the tests of all hidden suites share: submissions made of the reference and one mistake, and how they are run.

Solutions and mistakes are executed in this process: for trusted code only.
"""

import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from autograder.judging.draw import Draw
from autograder.judging.rubric import SUITE, run_suite
from autograder.kernel.failures import StudentError
from autograder.kernel.remote import in_process
from autograder.trained.gates import Evaluation, Gate
from autograder.trained.likelihood import Measurement

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = ROOT / "solutions"
GOOD = Measurement(bound=-90.0, elbo=-95.0, elbo_permuted=-250.0, active_units=20, latent_dim=50)


class Suite:
    """The hidden suite of one assignment, with its known mistakes and right variants.

    Args:
        assignment: its name.
    Attributes:
        tests: hidden tests by name. cells: the exercise of each. asking: those that ask a student's functions.
    """

    def __init__(self, assignment: str):
        self.assignment = assignment
        self.mistakes = sorted(path.stem for path in (ROOT / "tests" / "mistakes" / assignment).glob("*.py"))
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

    def solution(self, mistake: str | None = None) -> dict:
        """Return the namespace of the reference solution, with a mistake on top."""
        extra = [ROOT / "tests" / "mistakes" / self.assignment / f"{mistake}.py"] if mistake else []
        return executed(SOLUTIONS / f"{self.assignment}.py", *extra)

    def variant(self, name: str) -> dict:
        """Return the namespace of a right variant."""
        return executed(ROOT / "tests" / "right" / self.assignment / f"{name}.py")

    def outcomes(self, namespace: dict, secret: str = "secret", evaluate: Callable | None = None) -> list:
        """Run the whole suite; `evaluate` returns a trained model's evaluation by its name."""
        student = in_process(namespace)
        return run_suite(self.assignment, student, secret=secret, student_id="student", evaluate=evaluate)

    def ask(self, name: str, namespace: dict) -> Exception | None:
        """Return the exception with which one hidden test ends, None where it passes."""
        try:
            self.asking[name](in_process(namespace), Draw("secret", "student", self.assignment, name))
        except (AssertionError, StudentError) as error:
            return error
        return None

    def kill_matrix_table(self, all_runs: set[str], terminalreporter) -> str:
        """Return which hidden test is failed by which mistakes, one line a test; empty where no mistake was run.

        Args:
            all_runs: names of mistakes and bad models.
            terminalreporter: pytest's, whose reports hold what `note` was told, by all processes.
        """
        runs = {}
        for report in (r for outcome in ("passed", "failed") for r in terminalreporter.getreports(outcome)):
            runs |= {
                name: json.loads(value)["failed"]
                for name, value in report.user_properties
                if name in all_runs and json.loads(value)["assignment"] == self.assignment
            }
        if not runs:
            return ""
        lines = [f"{self.assignment}: {len(runs)} of {len(all_runs)} mistakes and bad models were run"]
        for name in self.tests:
            killers = sorted(mistake for mistake, failed in runs.items() if name in failed)
            more = f", … {len(killers) - 3} more" if len(killers) > 3 else ""
            lines.append(f"{self.cells[name]:20} {name:72} {len(killers):3}  {', '.join(killers[:3])}{more}")
        return "\n".join(lines)

    def note(self, run: str, failed: list[str], record_property: Callable) -> None:
        """Report which hidden tests a run failed, for the table."""
        record_property(run, json.dumps({"assignment": self.assignment, "failed": failed}))

    def untouched(self) -> dict:
        """Return the namespace of the release in which nothing was written."""
        notebook = json.loads((ROOT / "release" / self.assignment / f"{self.assignment}.ipynb").read_text())
        sources = [
            "".join(cell["source"])
            for cell in notebook["cells"]
            if cell["cell_type"] == "code"
            and (cell["metadata"].get("nbgrader", {}).get("solution") or cell["id"] == "imports")
        ]
        return run_sources(sources, {"__name__": "submission"})


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


def executed(*paths: Path, namespace: dict | None = None) -> dict:
    """Return the namespace in which files were executed one after the other."""
    namespace = {"__name__": "submission"} if namespace is None else namespace
    return run_sources([compile(path.read_text(), str(path), "exec") for path in paths], namespace)


def run_sources(sources: list, namespace: dict) -> dict:
    """Execute sources in a namespace and return it; solutions of earlier assignments can be imported by their names."""
    sys.path.insert(0, str(SOLUTIONS))
    try:
        for source in sources:
            exec(source, namespace)
    finally:
        sys.path.remove(str(SOLUTIONS))
    return namespace


def spoiled(namespace: dict, name: str, change: Callable) -> dict:
    """Make a function of the namespace, or a method given as Class.method, answer something else."""
    owner, _, method = name.rpartition(".")
    right = getattr(namespace[owner], method) if owner else namespace[name]

    def wrong(*args, **kwargs):
        return change(right(*args, **kwargs))

    if owner:
        setattr(namespace[owner], method, wrong)
    else:
        namespace[name] = wrong
    return namespace


def answering(namespace: dict, names: tuple[str, ...], answer: Callable) -> dict:
    """Make functions, or methods given as Class.method, return `answer(arguments, right answer)`."""
    rights = {}
    for name in names:
        owner, _, method = name.rpartition(".")
        rights[name] = getattr(namespace[owner], method) if owner else namespace[name]

    def changed(right):
        return lambda *args, **kwargs: answer(args, right(*args, **kwargs))

    for name, right in rights.items():
        owner, _, method = name.rpartition(".")
        if owner:
            setattr(namespace[owner], method, changed(right))
        else:
            namespace[name] = changed(right)
    return namespace


def leaks(suite: Suite, mistake: str, monkeypatch) -> list[str]:
    """Return the expected values that failure messages or hints of a mistake show."""
    from autograder.judging import expect

    wanted, equal = [], expect.equal

    def recording(got, want):
        if hasattr(want, "is_floating_point") and want.is_floating_point():
            wanted.extend(want.detach().flatten()[:100].tolist())
        return equal(got, want)

    monkeypatch.setattr(expect, "equal", recording)
    fails = suite.solution(mistake)["FAILS"]
    names = [name for name in suite.asking if suite.cells[name] in fails]
    errors = [error for name in names if (error := suite.ask(name, suite.solution(mistake)))]
    said = "\n".join(str(error) + getattr(error, "hint", "") for error in errors)
    shown = {text for value in wanted for text in (f"{value:.4g}", f"{value:.3f}", f"{value:.6g}", str(value))}
    said = re.sub(r"A small case: .*? yours gives [-\[\]\d., einfa]+", "", said)  # public, with its right value
    numbers = set(re.findall(r"-?\d+\.\d+(?:e[-+]\d+)?", said))
    return sorted(text for text in shown & numbers if len(text.strip("-0.")) > 3)
