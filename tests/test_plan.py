"""How a submission is run: what the release gave is there whatever became of it, and what is said of cells that went wrong."""

import contextlib
import io

import nbformat
import pytest

from autograder.examine.plan import NOT_RUN, checks, not_run, planned, told_of, untrained
from autograder.intake.cells import fit_to_release
from autograder.publish import illustrations, studies
from tests.conftest import ROOT


@pytest.fixture
def release():
    """The released notebook of vae."""
    return nbformat.read(ROOT / "release" / "vae" / "vae.ipynb", as_version=4)


def handed_in(notebook, release):
    """Return a notebook as it comes out of the intake."""
    return fit_to_release(nbformat.from_dict(notebook), release).notebook


def cell(notebook, name):
    """Return the index and the cell of an id."""
    return next((i, c) for i, c in enumerate(notebook.cells) if c.id == name)


def test_released_notebook_needs_nothing_beside_itself(release):
    """Of an untouched release no cell is the student's own, and none is run twice."""
    plan, remarks = planned(handed_in(release, release), "vae", ROOT)
    assert (dict(plan.given), plan.own, remarks) == ({}, frozenset(), {})
    assert list(plan.tests.values())[:2] == ["reparameterize", "gaussian_log_prob"]


def test_visible_tests_are_those_that_are_graded_automatically(release):
    """Neither a solution nor a written answer is left out where a decoder is measured."""
    found = [release.cells[index].metadata.nbgrader.grade_id for index in sorted(checks(release))]
    assert found[:2] == ["test_reparameterize", "test_gaussian_log_prob"]
    assert all(name.startswith("test_") for name in found)


@pytest.mark.parametrize("change", ["edited", "deleted", "emptied", "made text"])
@pytest.mark.parametrize("name", ["imports", "data", "settings"])
def test_given_cell_is_run_as_released(release, name, change):
    """A given cell that was edited or is missing is run at its place, before what became of it, with a remark."""
    notebook = nbformat.from_dict(release)
    index, given = cell(notebook, name)
    source = given.source
    if change == "deleted":
        del notebook.cells[index]
    elif change == "made text":
        notebook.cells[index] = nbformat.v4.new_markdown_cell("something else")
    else:
        given.source = "" if change == "emptied" else "from google.colab import drive\n" + source + "  # mine"
    submission = handed_in(notebook, release)
    plan, remarks = planned(submission, "vae", ROOT)
    ((place, sources),) = plan.given.items()
    assert sources == (source,)
    assert place <= index
    assert [c for c in submission.cells[place:index] if c.cell_type == "code"] == []
    assert list(remarks) == [place]
    assert "was run as released, too" in remarks[place]
    if change == "edited":
        assert submission.cells[index].source.startswith("from google.colab")
        assert plan.own == {index}


@pytest.mark.parametrize("name", ["imports", "data", "settings"])
def test_lines_added_to_a_given_cell_are_the_students_own(release, name):
    """What was written above a given cell is a cell of the student's own; the given one stands as released."""
    notebook = nbformat.from_dict(release)
    index, given = cell(notebook, name)
    given.source = "from google.colab import drive\n" + given.source
    submission = handed_in(notebook, release)
    plan, remarks = planned(submission, "vae", ROOT)
    assert (dict(plan.given), plan.own, remarks) == ({}, {index}, {})
    assert submission.cells[index].source == "from google.colab import drive"


def test_line_ends_and_blank_lines_change_no_given_cell(release):
    """What editors and formatters change at the ends of lines makes no cell another one."""
    notebook = nbformat.from_dict(release)
    _, given = cell(notebook, "imports")
    given.source = given.source.replace("\n", "  \r\n") + "\n\n"
    plan, remarks = planned(handed_in(notebook, release), "vae", ROOT)
    assert (dict(plan.given), plan.own, remarks) == ({}, frozenset(), {})


def test_own_cells_are_known_and_those_behind_the_last_exercise_run_once(release):
    """A cell that the student added is the student's own; after the last test cell it is run once, like the figures there."""
    notebook = nbformat.from_dict(release)
    notebook.cells.insert(cell(notebook, "test_elbo")[0], nbformat.v4.new_code_cell("x = 1"))
    notebook.cells.append(nbformat.v4.new_code_cell("y = 1"))
    submission = handed_in(notebook, release)
    plan, _ = planned(submission, "vae", ROOT)
    assert [submission.cells[index].source for index in sorted(plan.own)] == ["x = 1", "y = 1"]
    assert len(submission.cells) - 1 in plan.once
    assert all(index > max(plan.tests) for index in plan.once)


def test_cells_are_named_by_exercise_and_first_line(release):
    """A cell is told by its exercise and its first line, never by a number that nobody sees."""
    notebook = nbformat.from_dict(release)
    notebook.cells.append(nbformat.v4.new_code_cell("\nimport ctypes\nctypes.string_at(0)"))
    submission = handed_in(notebook, release)
    plan, _ = planned(submission, "vae", ROOT)
    index = next(i for i, c in enumerate(submission.cells) if c.id == "encoder")
    assert plan.place(index) == "The cell of encoder, “class Encoder(nn.Module):”,"
    assert plan.place(len(submission.cells) - 1) == "The cell “import ctypes”"


def test_errors_of_exercises_come_first(release):
    """Errors in exercises and given cells are news; those of the student's own cells are remarks; visible checks are neither."""
    notebook = nbformat.from_dict(release)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("1 / 0"))
    submission = handed_in(notebook, release)
    plan, _ = planned(submission, "vae", ROOT)
    place = {c.id: i for i, c in enumerate(submission.cells)}
    errors = {0: "ZeroDivisionError", place["encoder"]: "NameError", place["test_encoder"]: "AssertionError"}
    first, own = told_of(submission, {place["sample"]: "ended the kernel"}, errors, plan)
    assert [("encoder" in text, "sample" in text) for text in first] == [(True, False), (False, True)]
    assert "stopped with NameError; the statements after it were tried." in first[0]
    assert own == ["The cell “1 / 0” stopped with ZeroDivisionError; the statements after it were tried."]


@pytest.mark.parametrize(
    "error", ["CheckpointError: weights of another model", "NameError: name 'VAE' is not defined", ""]
)
def test_model_whose_checkpoint_was_not_read_is_not_judged_as_a_bad_one(release, error):
    """Weights of another network are told by the error of the cell that would have read them; other errors are not."""
    index, train = cell(release, "train")
    errors = {index: error} if error else {}
    expected = (index, error) if error.startswith("CheckpointError") else None
    assert untrained(release, errors, "vae") == expected
    assert untrained(release, errors, "iwae_k5") is None


def test_cells_that_take_long_are_not_run_and_stay_as_they_are():
    """Inside, a cell only says that it is not run; afterwards it is as it was, after an error, too; others are left alone."""
    cells = [nbformat.v4.new_code_cell(source) for source in ("a = 1", "train()", "b = 2")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with not_run(notebook, frozenset({1})):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(notebook.cells[1].source)
        assert said.getvalue().strip() == NOT_RUN
        assert [notebook.cells[0].source, notebook.cells[2].source] == ["a = 1", "b = 2"]
    assert [cell.source for cell in notebook.cells] == ["a = 1", "train()", "b = 2"]
    with contextlib.suppress(KeyError), not_run(notebook, frozenset({0, 2})):
        raise KeyError
    assert [cell.source for cell in notebook.cells] == ["a = 1", "train()", "b = 2"]


def test_studies_are_illustrations():
    """What is not run while grading is never needed by another cell."""
    assert studies("vae")
    assert studies("vae") <= illustrations("vae")
