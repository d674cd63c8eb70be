"""nbgrader's own commands on faulty and hostile submissions: what each costs, and that nobody else pays."""

import csv
import sqlite3

import nbformat
import pytest

from autograder.reporting.report import Report, Status

pytestmark = pytest.mark.slow

FAULTY = {  # exercise: its solution cell, each wrong in another way
    "reparameterize": "def reparameterize(mu, log_var, eps):\n    return None",
    "gaussian_log_prob": "def gaussian_log_prob(z, mu, log_var):\n    return [1.0, 2.0]",
    "kl_standard_normal": "def kl_standard_normal(mu, log_var):\n    return mu.detach().numpy()",
    "bernoulli_log_prob": "def bernoulli_log_prob(x, logits):\n    return x.sum((-3, -2, -1)) * float('nan')",
    "bernoulli_sample": "def bernoulli_sample(logits, generator=None):\n    return torch.zeros(1).expand(2**28)",
    "sample": "def sample(self, n, generator=None):\n    import sys\n    sys.exit(0)\n\n\nVAE.sample = sample",
    "train_step": "def train_step(model, optimizer, x):\n    while True: pass",
    "reconstruct": "def reconstruct(model, x):\n    import os\n    os._exit(1)",
}
SAID = {  # exercise: what the student reads
    "reparameterize": "got None",
    "gaussian_log_prob": "got a list of 2",
    "kl_standard_normal": "numpy.ndarray",
    "bernoulli_log_prob": "finite",
    "bernoulli_sample": "(268435456,)",
    "sample": "SystemExit",
    "train_step": "did not return within 2 s",
    "reconstruct": "ended the kernel",
}
ILLUSTRATED = "step"  # a number that only the source's cell "gaussian_log_prob_number" defines
CHECKED = "answer"  # and one that only visible tests do
LIMITS = {"COURSE_CALL_TIMEOUT_S": "2", "COURSE_CELL_TIMEOUT_S": "20"}
HOSTILE = """
import builtins, sys, types
import torch
from IPython import get_ipython

shell = get_ipython()
torch.allclose = torch.equal = lambda *args, **kwargs: True
torch.testing.assert_close = lambda *args, **kwargs: None


class DropAsserts(__import__("ast").NodeTransformer):
    def visit_Assert(self, node):
        return __import__("ast").parse("3.0").body[0]


shell.ast_transformers.append(DropAsserts())
run = shell.run_cell


def run_cell(source, *args, **kwargs):
    return run("3.0" if "assert" in source else source, *args, **kwargs)


shell.run_cell = run_cell
for name in ("pytest", "autograder", "autograder.judging.rubric"):
    sys.modules[name] = types.ModuleType(name)
"""


def solved(course):
    """Return the release with the right solutions."""
    notebook, right = course.notebook("release"), {cell.id: cell.source for cell in course.notebook("source").cells}
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "code":
            cell.source = right[cell.id]
    return notebook


@pytest.fixture(scope="module")
def graded(once, checkpoint):
    """A course with a faulty, a hostile, a mutilated, an unreadable and a right submission, graded in one run."""
    from tests.conftest import TemporaryCourse

    def grade(folder):
        course = TemporaryCourse(folder / "course")
        course.nbgrader("generate_assignment", "vae")
        faulty = solved(course)
        for cell in faulty.cells:
            cell.source = FAULTY.get(cell.id, cell.source)
        course.hand_in("a-faulty", faulty, checkpoint)
        hostile = course.notebook("release")
        hostile.cells.insert(0, nbformat.v4.new_code_cell(HOSTILE))
        for cell in hostile.cells:
            cell.metadata["tags"] = ["skip-execution", "raises-exception"]
            if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
                cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "3.0"}, execution_count=1)]
        course.hand_in("b-hostile", hostile)
        mutilated = solved(course)
        mutilated.cells = [cell for cell in mutilated.cells if cell.id not in ("reconstruct", "test_elbo")]
        mutilated.metadata["kernelspec"] = {"name": "no-such-kernel", "display_name": "?", "language": "cobol"}
        course.hand_in("c-mutilated", mutilated, checkpoint)
        course.hand_in("d-unreadable", b"\x80 no notebook")
        leaning = solved(course)
        assert [cell.id for cell in leaning.cells if f"\n{ILLUSTRATED} = " in cell.source] == [
            "gaussian_log_prob_number"
        ]
        for cell in leaning.cells:
            if cell.id == "decoder":
                cell.source = cell.source.replace("rows = z", f"rows = 0 * {ILLUSTRATED} + 0 * len(str({CHECKED})) + z")
        course.hand_in("e-leaning", leaning, checkpoint)
        course.hand_in("f-right", b"\xef\xbb\xbf" + nbformat.writes(solved(course)).encode(), checkpoint)
        log = course.nbgrader("autograde", "vae", **LIMITS)
        (folder / "log").write_text(log)
        course.nbgrader("generate_feedback", "vae")
        course.nbgrader("export", "--to", "grades.csv")

    return once("graded", grade) / "course"


def report(course, student):
    """Return a student's stored report."""
    return Report.load(course / "reports" / student / "vae" / "vae.json")


def lost(course, student):
    """Return the exercises in which a student lost points."""
    return {cell for cell, mark in report(course, student).marks.items() if mark.score < mark.points}


@pytest.mark.parametrize("exercise", FAULTY)
def test_faulty_answer_is_explained_and_costs_its_own_exercise(graded, exercise):
    """Each fault is named in the student's words and leaves the exercise without points."""
    faulty = report(graded, "a-faulty")
    assert faulty.graded
    assert faulty.marks[exercise].score < faulty.marks[exercise].points
    assert SAID[exercise] in " ".join(o.message for o in faulty.of(exercise))


def test_faults_cost_nothing_else(graded):
    """What a faulty exercise does not touch keeps its points, also after kernels that hung and died."""
    faulty = report(graded, "a-faulty")
    for exercise in ("encoder", "decoder", "architecture", "trained_vae"):
        assert faulty.marks[exercise].score == faulty.marks[exercise].points, faulty.of(exercise)


def test_hostile_first_cell_gains_nothing(graded):
    """Replaced asserts, run_cell and comparisons, forged outputs and tags earn what the untouched release earns: nothing."""
    hostile = report(graded, "b-hostile")
    assert hostile.graded
    assert hostile.score == 0


def test_missing_cells_are_put_back(graded):
    """A deleted solution costs its exercise, a deleted test cell costs nothing, a foreign kernelspec is ignored."""
    assert lost(graded, "c-mutilated") == {"reconstruct"}
    assert "not written yet" in report(graded, "c-mutilated").of("reconstruct")[0].message


def test_unreadable_notebook_is_not_graded(graded):
    """A file that is no notebook leaves every cell not graded, with the reason, in the report and in the gradebook."""
    unreadable = report(graded, "d-unreadable")
    assert not unreadable.graded
    assert "not valid JSON" in unreadable.line()
    with sqlite3.connect(graded / "gradebook.db") as database:
        rows = database.execute(
            "select g.auto_score, g.needs_manual_grade from grade g join submitted_notebook n on g.notebook_id = n.id"
            " join submitted_assignment a on n.assignment_id = a.id where a.student_id = 'd-unreadable'"
        ).fetchall()
    assert set(rows) == {(None, 1)}


def test_solution_that_needs_what_other_cells_define_gets_full_marks(graded):
    """A name from a cell that only shows or checks something is there in the decoder's kernels, too."""
    leaning = report(graded, "e-leaning")
    assert leaning.graded
    assert leaning.score == leaning.points, [o for o in leaning.outcomes if o.credit < 1]


def test_right_submission_after_all_of_them_gets_full_marks(graded):
    """The neighbour of faulty and hostile submissions, saved with a byte order mark, gets all automatic points."""
    right = report(graded, "f-right")
    assert right.graded
    assert right.score == right.points == 32, [o for o in right.outcomes if o.credit < 1]


def test_export_has_the_scores(graded):
    """nbgrader's own export holds the automatic scores."""
    with (graded / "grades.csv").open() as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert float(rows["f-right"]["score"]) == 32
    assert float(rows["b-hostile"]["score"]) == 0


def test_feedback_explains_without_showing_the_suite(graded):
    """The feedback page has the messages and neither hidden source, nor machine paths, nor tracebacks of ours."""
    page = (graded / "feedback" / "a-faulty" / "vae" / "vae.html").read_text()
    assert "did not return within 2 s" in page
    for secret in ("expect.close", "@worth", str(graded), "autograder/", "draw.normal"):
        assert secret not in page, secret


def test_regrade_gives_the_same_report(graded, once):
    """Grading an unchanged submission again gives the same outcomes."""
    from tests.conftest import TemporaryCourse

    before = report(graded, "c-mutilated")
    again = TemporaryCourse.__new__(TemporaryCourse)
    again.folder = graded
    again.nbgrader("autograde", "vae", "--student", "c-mutilated", "--force", **LIMITS)
    after = report(graded, "c-mutilated")
    assert [(o.test, o.status, o.message) for o in after.outcomes] == [
        (o.test, o.status, o.message) for o in before.outcomes
    ]
    assert all(o.status is not Status.ERROR for o in after.outcomes)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"COURSE_BUDGET": "fast"}, "budget = 'fast'"),
        ({"COURSE_DATASET": "mnist", "COURSE_DATA": "nowhere", "COURSE_BUDGET": "standard"}, "COURSE_DATA"),
        ({"COURSE_GRADEBOOK": "sqlite:///no/such/folder/gradebook.db"}, "cannot be written"),
    ],
    ids=["wrong value", "missing data", "unwritable gradebook"],
)
def test_unusable_course_is_one_clear_line(course, variables, said):
    """A course that cannot be graded says why in a line, without a traceback, and loses nothing."""
    (course.folder / "release" / "vae").mkdir(parents=True)
    nbformat.write(course.notebook("source"), course.folder / "release" / "vae" / "vae.ipynb")
    path = course.hand_in("ada", course.notebook("source"))
    before = path.read_bytes()
    log = course.nbgrader("autograde", "vae", status=None, **variables)
    assert sum(said in line for line in log.splitlines()) == 1, log
    assert "Traceback" not in log
    assert path.read_bytes() == before
    assert not (course.folder / "autograded").exists()
