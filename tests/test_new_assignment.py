"""An assignment of one's own: a notebook, a folder of the suite and one word in course_config.py are all that it needs."""

import csv
import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from tests.conftest import CHOICES, ROOT

pytestmark = pytest.mark.slow

ASSIGNMENT = '''"""A toy: what it trains is nothing."""

from autograder.catalogue import Assignment

assignment = Assignment()
'''
HIDDEN = '''"""Hidden tests of double."""

from autograder.judging import expect
from autograder.judging.expect import call
from autograder.judging.rubric import worth


@worth("double")
def test_double_is_twice_its_argument(student, draw):
    """It returns 2x, shape of x."""
    x = draw.normal(3)
    expect.close(student.double(x), 2 * x, asked=call("double", x=x))
'''
SOLUTION = '''def double(x):
    """Return 2x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION'''


def source():
    """Return the source notebook: a text, the imports, one exercise with its visible test."""
    cells = [
        nbformat.v4.new_markdown_cell("# A toy\n\n**Exercise 1.** `double(x)` returns 2x. (2 points)", id="title"),
        nbformat.v4.new_code_cell("import torch", id="imports"),
        nbformat.v4.new_code_cell(SOLUTION, id="double"),
        nbformat.v4.new_code_cell("assert double(torch.ones(1)) == 2, 'double(1): expected 2'", id="test_double"),
    ]
    kinds = {"double": (False, True, False, None), "test_double": (True, False, True, 2)}
    for cell in cells:
        grade, solution, locked, points = kinds.get(cell.id, (False, False, True, None))
        cell.metadata.nbgrader = {
            "schema_version": 3,
            "grade_id": cell.id,
            "grade": grade,
            "solution": solution,
            "locked": locked,
            "task": False,
        }
        if points is not None:
            cell.metadata.nbgrader["points"] = points
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """A copy of the kit with the toy in it, released, graded and with feedback for a right, a wrong and an untouched submission."""
    kit = tmp_path_factory.mktemp("kit")
    for name in ("autograder", "lab", "solutions"):
        shutil.copytree(ROOT / name, kit / name, ignore=shutil.ignore_patterns("__pycache__", "checkpoints", "*.ipynb"))
    shutil.copy(ROOT / "nbgrader_config.py", kit)
    config = (ROOT / "course_config.py").read_text()
    assert config.count('"),') == 1  # the assignments
    (kit / "course_config.py").write_text(config.replace('"),', '", "toy"),'))
    (kit / "source" / "toy").mkdir(parents=True)
    nbformat.write(source(), kit / "source" / "toy" / "toy.ipynb")
    suite = kit / "autograder" / "suite" / "toy"
    suite.mkdir()
    for name, text in (("__init__.py", '"""A toy."""\n'), ("assignment.py", ASSIGNMENT), ("test_double.py", HIDDEN)):
        (suite / name).write_text(text)
    nbgrader(kit, "generate_assignment", "toy")
    for student, code in (("right", "return x + x"), ("wrong", "return x * x"), ("untouched", None)):
        notebook = nbformat.read(kit / "release" / "toy" / "toy.ipynb", as_version=4)
        if code is not None:
            next(cell for cell in notebook.cells if cell.id == "double").source = f"def double(x):\n    {code}"
        (kit / "submitted" / student / "toy").mkdir(parents=True)
        nbformat.write(notebook, kit / "submitted" / student / "toy" / "toy.ipynb")
    nbgrader(kit, "autograde", "toy")
    nbgrader(kit, "generate_feedback", "toy")
    nbgrader(kit, "export", "--to", "grades.csv")
    return kit


def nbgrader(kit, *arguments, status=0):
    """Run one of nbgrader's commands in the copy and return what it printed."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    environment = os.environ | CHOICES | {"PYTHONPATH": str(kit)}
    done = subprocess.run(
        command, cwd=kit, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == status, done.stdout[-3000:]
    return done.stdout


def test_release_asks_for_the_exercise(kit):
    """The release has the stub in the solution's place, and its visible test fails until something is written."""
    released = (kit / "release" / "toy" / "toy.ipynb").read_text()
    assert "2 * x" not in released
    assert "NotImplementedError" in released
    assert "VALIDATION FAILED ON 1 CELL" in nbgrader(kit, "validate", "release/toy/toy.ipynb")
    assert "Success" in nbgrader(kit, "validate", "submitted/right/toy/toy.ipynb")


def test_submissions_are_graded(kit):
    """The right one has its two points, the wrong one and the untouched one none."""
    with open(kit / "grades.csv", newline="") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file) if row["assignment"] == "toy"}
    assert scores == {"right": 2, "wrong": 0, "untouched": 0}


def test_feedback_says_what_is_wrong(kit):
    """The page names what was asked and expected."""
    page = (kit / "feedback" / "wrong" / "toy" / "toy.html").read_text()
    assert "double(x) with x (3,), float64" in page
