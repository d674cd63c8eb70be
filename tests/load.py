"""Right submissions graded on a machine that has other work: `python -m tests.load [--gradings N] [--busy N] [--courses N]`.

Several courses grade at the same time, next to processes that only compute, with nbgrader's own command. What a right solution gets on the
quiet machine is what it must get here; what the machine does not suffice for may be "not graded", never failed. Every tenth submission
brings its trained model. Ends with 1 where a point was lost.
"""

import argparse
import collections
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from autograder.publish import without_markers
from autograder.reporting.report import Report, Status
from tests.conftest import CHOICES
from tests.suites import ROOT

ASSIGNMENT = "vae"
REFERENCE = "reference"
TRAINED_EACH = 10  # every tenth submission brings its checkpoint
EVERY_S = 60


def main() -> int:
    """Grade, print one line a minute and a table, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__.splitlines()[0])
    parser.add_argument("--gradings", type=int, default=200)
    parser.add_argument("--busy", type=int, default=4, help="processes that only compute")
    parser.add_argument("--courses", type=int, default=4, help="gradings at the same time")
    choice = parser.parse_args()
    os.environ.update(CHOICES)
    with tempfile.TemporaryDirectory() as folder:
        return graded(Path(folder), choice.gradings, choice.busy, choice.courses)


def graded(folder: Path, gradings: int, busy: int, courses: int) -> int:
    """Return 1 where a point was lost."""
    variants = {REFERENCE: None} | {
        path.stem: path.read_text() for path in sorted((ROOT / "tests" / "right" / ASSIGNMENT).glob("*.py"))
    }
    variants = {
        name: text for name, text in variants.items() if text is None or f"from {ASSIGNMENT} import" not in text
    }
    print(f"on the quiet machine: {', '.join(variants)}, with a trained model and without", flush=True)
    quiet = Course(folder / "quiet")
    for name, code in variants.items():
        quiet.train(name, quiet.notebook(code))
        quiet.hand_in(f"{name}-bare", quiet.notebook(code))
    quiet.autograde().wait()
    expected = {student: credits_of(report) for student, report in quiet.reports().items()}
    for student in expected:
        print(f"  {student}: {quiet.reports()[student].line()}", flush=True)
    rooms = [Course(folder / f"course{number}") for number in range(courses)]
    names = list(variants)
    for number in range(gradings):
        name = names[number % len(names)]
        kind = name if number // len(names) % TRAINED_EACH == 0 else f"{name}-bare"
        shutil.copytree(
            quiet.folder / "submitted" / kind, rooms[number % courses].folder / "submitted" / f"{kind}~{number:03}"
        )
    print(f"{gradings} gradings, {courses} at a time, next to {busy} processes that compute", flush=True)
    started, loads = (
        time.monotonic(),
        [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)],
    )
    try:
        running = [room.autograde() for room in rooms]
        while any(process.poll() is None for process in running):
            time.sleep(EVERY_S)
            reports = [report for room in rooms for report in room.reports().values()]
            print(f"  {(time.monotonic() - started) / 60:4.0f} min: {len(reports)} graded", flush=True)
    finally:
        for process in loads:
            process.kill()
    return told({s: r for room in rooms for s, r in room.reports().items()}, expected, gradings)


def told(reports: dict[str, Report], expected: dict[str, dict], gradings: int) -> int:
    """Print what became of all gradings and return 1 where a point was lost."""
    counts, lost, whys = collections.Counter(), [], collections.Counter()
    for student, report in reports.items():
        want, got = expected[student.split("~")[0]], credits_of(report)
        worse = {test for test in want if got.get(test, (Status.UNGRADED, 0.0))[1] < want[test][1]}
        ungraded = {test for test in worse if test not in got or got[test][0] in (Status.UNGRADED, Status.ERROR)}
        lost += [f"{student}: {test}" for test in sorted(worse - ungraded)]
        counts["point lost" if worse - ungraded else "not graded in part" if ungraded else "everything"] += 1
        whys.update(outcome.detail or outcome.message for outcome in report.outcomes if outcome.test in ungraded)
    counts["no report"] = gradings - len(reports)
    seconds = sorted(report.processor_seconds for report in reports.values())
    print(f"{len(reports)} of {gradings} graded, {seconds[len(seconds) // 2]:.0f} s of processor time each (median)")
    for what, number in counts.items():
        print(f"  {what}: {number}")
    for text, number in whys.most_common():
        print(f"  not graded {number} times: {text}")
    for line in lost:
        print(f"  LOST {line}")
    return int(bool(lost) or counts["no report"] > 0)


def credits_of(report: Report) -> dict[str, tuple[Status, float]]:
    """Return status and credit of every hidden test."""
    return {outcome.test: (outcome.status, outcome.credit) for outcome in report.outcomes}


class Course:
    """A released course in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        shutil.copytree(ROOT / "source", folder / "source", ignore=shutil.ignore_patterns(".*", "checkpoints"))
        for name in ("course_config.py", "nbgrader_config.py"):
            shutil.copy(ROOT / name, folder / name)
        self.nbgrader("generate_assignment", ASSIGNMENT).wait()

    def nbgrader(self, *arguments: str) -> subprocess.Popen:
        """Start one of nbgrader's commands; its log goes to a file of the course."""
        with open(self.folder / f"{arguments[0]}.log", "wb") as log:
            command = [sys.executable, "-m", "nbgrader", *arguments]
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def autograde(self) -> subprocess.Popen:
        """Start grading what is handed in."""
        return self.nbgrader("autograde", ASSIGNMENT)

    def reports(self) -> dict[str, Report]:
        """Return the reports written so far, by student."""
        found = sorted(self.folder.glob(f"reports/*/{ASSIGNMENT}/{ASSIGNMENT}.json"))
        return {path.parent.parent.name: Report.load(path) for path in found}

    def notebook(self, code: str | None) -> nbformat.NotebookNode:
        """Return the notebook with the reference solution, or with a variant's code in the first solution cell and none in the others."""
        notebook = nbformat.read(self.folder / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
        solutions = [
            c for c in notebook.cells if c.cell_type == "code" and c.metadata.get("nbgrader", {}).get("solution")
        ]
        for cell in solutions:
            cell.source = without_markers(cell.source) if code is None else "# written above"
        if code is not None:
            solutions[0].source = code
        return notebook

    def hand_in(self, student: str, notebook: nbformat.NotebookNode) -> Path:
        """Write a submission and return its path."""
        path = self.folder / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
        return path

    def train(self, student: str, notebook: nbformat.NotebookNode) -> None:
        """Run a submission in its folder, as its student would, and hand it in with its checkpoint."""
        path = self.hand_in(student, notebook)
        shutil.copytree(self.folder / "release" / ASSIGNMENT / "lab", path.parent / "lab")
        resources = {"metadata": {"path": str(path.parent)}}
        NotebookClient(notebook, timeout=900, allow_errors=True, resources=resources).execute(env=dict(os.environ))
        nbformat.write(notebook, path)


if __name__ == "__main__":
    sys.exit(main())
