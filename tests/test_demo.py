"""`make demo`: the class it grades, as its table and its reports tell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.reporting.report import Report
from demo.__main__ import MISTAKES, wrong

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def demo(once):
    """The course of one run of the demo; what it printed is in the file `printed` beside it."""

    def run(folder):
        done = subprocess.run(
            [sys.executable, "-m", "demo", str(folder / "course")],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ,
        )
        (folder / "printed").write_text(done.stdout)
        assert done.returncode == 0, done.stdout[-5000:]

    return once("demo", run)


def report(demo, student):
    """Return a student's stored report."""
    return Report.load(demo / "course" / "reports" / student / "vae" / "vae.json")


def test_reference_has_full_automatic_marks(demo):
    """The reference earns all 32 automatic points."""
    right = report(demo, "reference")
    assert right.score == right.points == 32, [o for o in right.outcomes if o.credit < 1]


def test_untouched_release_earns_nothing(demo):
    """The release as it is earns no automatic point, and is graded."""
    blank = report(demo, "untouched")
    assert blank.graded
    assert blank.score == 0


@pytest.mark.parametrize("student", MISTAKES)
def test_typical_mistake_loses_its_own_cell_with_a_hint(demo, student):
    """A typical mistake costs points in its own exercise alone, and a hint names it."""
    graded = report(demo, student)
    exercise, _ = wrong(MISTAKES[student])
    assert {cell for cell, mark in graded.marks.items() if mark.score < mark.points} == {exercise}
    assert any(outcome.hint for outcome in graded.of(exercise))


def test_crash_costs_the_crashing_exercise(demo):
    """A cell that ends the kernel is named, and the other exercises are graded."""
    crashing = report(demo, "crashing")
    assert {cell for cell, mark in crashing.marks.items() if mark.score < mark.points} == {"sample"}
    assert "ended the kernel" in crashing.line()


def test_broken_notebook_is_reported_as_such(demo):
    """A notebook cut off in the middle is not graded, and the table says why."""
    assert not report(demo, "broken").graded
    printed = (demo / "printed").read_text()
    assert "not valid JSON" in next(line for line in printed.splitlines() if line.startswith("broken "))


def test_no_two_submissions_are_said_to_share_weights(demo):
    """Submissions that were trained apart are not flagged as copies."""
    students = ("reference", *MISTAKES)
    assert not [flag for student in students for flag in report(demo, student).flags if "same weights" in flag]
