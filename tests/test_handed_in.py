"""What people hand in: files and cells that lie elsewhere, have other names or lost their metadata are taken, or put before a person."""

import copy
import json
import os
import re
import sqlite3
import time
from datetime import UTC, datetime, timedelta

import nbformat
import pytest
import safetensors.torch
import torch

from autograder.door import preprocessors
from autograder.intake import times
from autograder.intake.beside import Beside, find_modules
from autograder.intake.cells import fit_to_release
from autograder.intake.checkpoints import Model, find_checkpoints, models
from autograder.intake.damage import damage
from autograder.intake.folder import Folder, Refused
from autograder.intake.notebook import read_notebook
from autograder.intake.submission import Undecided, find_notebook
from autograder.intake.times import submission_time
from autograder.kernel.failures import NotGraded, StudentError
from autograder.publish import attached
from autograder.reporting.report import Mark, Outcome, Report, Status, share
from tests.conftest import ROOT

LIMIT = 2**20
RELEASE = nbformat.read(ROOT / "release" / "vae" / "vae.ipynb", as_version=4)
SOLVED = {cell.id: cell.source for cell in nbformat.read(ROOT / "source" / "vae" / "vae.ipynb", as_version=4).cells}
WRITTEN = [cell.id for cell in RELEASE.cells if cell.id.startswith("written_") and cell.id != "written_text"]
EXPECTED = "checkpoints/vae_k1_epochs6_seed0.safetensors"
VAE = [Model("vae", "vae", 1)]
WAITING = """
    select student_id, sum(needs_manual_grade) from grade
    join submitted_notebook on grade.notebook_id = submitted_notebook.id
    join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id
    group by student_id
"""


def worked():
    """Return the vae notebook as a student hands it in: solved, with a written answer to each question."""
    notebook = copy.deepcopy(RELEASE)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = SOLVED[cell.id] if cell.cell_type == "code" else f"My answer to {cell.id}."
    return notebook


def named(notebook, name):
    """Return the cell of an id."""
    return next(cell for cell in notebook.cells if cell.get("id") == name)


def fitted(notebook):
    """Return what the intake makes of a notebook, and the sources of its graded and solution cells."""
    result = fit_to_release(read_notebook(json.dumps(notebook).encode(), "vae.ipynb"), RELEASE)
    nbformat.validate(result.notebook)
    for cell in RELEASE.cells:
        if "nbgrader" in cell.metadata:
            own = named(result.notebook, cell.id)
            assert (own.cell_type, own.metadata) == (cell.cell_type, cell.metadata)
            assert own.source == cell.source or not cell.metadata.nbgrader.locked
    return result, {cell.id: cell.source for cell in result.notebook.cells}


def weights(number=0.0):
    """Return the content of a small checkpoint."""
    return safetensors.torch.save({"w": torch.full((8,), number)}, {"lab": "{}"})


def put(path, content=b"", changed=None):
    """Write a file, with folders, last changed at a time in UTC."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else nbformat.writes(content).encode())
    if changed is not None:
        os.utime(path, (changed.replace(tzinfo=UTC).timestamp(),) * 2)
    return path


def found(folder, trained=VAE, code="SEED = 0  # mine", beside=()):
    """Return the checkpoints of a submission whose notebook trains these models, where the budget has 6 epochs."""
    return find_checkpoints(Folder(folder), Folder(folder, beside), trained, code, 6, LIMIT)


# --- checkpoints --------------------------------------------------------------------------------------


def test_models_are_those_that_the_notebook_trains():
    """Names and numbers of samples come from the released notebooks' calls of lab.fit."""
    trained = {
        name: models(nbformat.read(ROOT / "release" / name / f"{name}.ipynb", as_version=4))
        for name in ("vae", "priors", "iwae")
    }
    assert trained["vae"] == VAE
    assert [model.variable for model in trained["priors"]] == ["vae_standard", "vae_mixture", "vae_flow"]
    assert {(model.variable, model.name, model.k) for model in trained["iwae"]} == {
        *(("vae_k1", "vae", 1), ("vae_k5", "vae", 5), ("iwae_k5", "iwae", 5), ("vae_k50", "vae", 50)),
        ("iwae_k50", "iwae", 50),
    }


def test_checkpoint_in_its_place_needs_no_remark(tmp_path):
    """What is where and what it should be is taken without a word, whatever else lies there."""
    put(tmp_path / EXPECTED, weights())
    put(tmp_path / "checkpoints" / "vae_k1_epochs30_seed0.safetensors", weights(1))
    put(tmp_path / "old" / "vae_k1_epochs6_seed0.safetensors", weights(2))
    result = found(tmp_path)
    assert result.files == {EXPECTED: weights()}
    assert (result.notes, result.missing, result.unclear) == ([], {}, {})


@pytest.mark.parametrize(
    "path",
    [
        "vae_k1_epochs6_seed0.safetensors",
        "doejane_10482_775201_vae_k1_epochs6_seed0.safetensors",
        "roejohn_LATE_10533_775201_vae_k1_epochs6_seed0-1.safetensors",
        "Jane Doe_123456_assignsubmission_file_vae_k1_epochs6_seed0.safetensors",
        "Jane Doe_123456_assignsubmission_file_/checkpoints/vae_k1_epochs6_seed0.safetensors",
        "vae_k1_epochs6_seed0 (1).safetensors",
        "VAE_K1_epochs6_seed0 - Copy.safetensors",
        "vae_k1_epochs6_seed0.safetensors.bin",
        "work/vae/checkpoints/vae_k1_epochs6_seed0.safetensors",
        "checkpoints/vae_k1_epochs30_seed0.safetensors",
        "checkpoints/vae_k1_epochs6_seed7.safetensors",
        "checkpoints/model.safetensors",
    ],
)
def test_checkpoint_elsewhere_is_taken_with_a_remark(tmp_path, path):
    """The one file that can be meant is given to the kernel under the name that the notebook looks for."""
    put(tmp_path / path, weights(3))
    put(tmp_path / "data.txt", b"x")
    result = found(tmp_path)
    assert result.files == {EXPECTED: weights(3)}
    assert result.notes == [f"{path} was taken as {EXPECTED}."]
    assert (result.missing, result.unclear) == ({}, {})


def test_name_follows_from_what_the_student_set(tmp_path):
    """SEED and EPOCHS of the notebook are part of the name; what is no plain number is left to the file's name."""
    put(tmp_path / "vae_k1_epochs30_seed3.safetensors", weights())
    for code, name in {
        "LATENT_DIM = 50\nEPOCHS = None  # as the budget\nSEED = 3": "vae_k1_epochs6_seed3",
        "EPOCHS = 12\nSEED = 3  # mine": "vae_k1_epochs12_seed3",
        "SEED = 1 + 2\nEPOCHS = 12": "vae_k1_epochs12_seed3",
        "SEED = 5\nSEED = 4": "vae_k1_epochs6_seed4",
    }.items():
        assert list(found(tmp_path, code=code).files) == [f"checkpoints/{name}.safetensors"]


def test_of_several_the_one_of_the_seed_or_budget_is_taken(tmp_path):
    """Seed and epochs tell files apart; copies of one file are one; a damaged one is passed over for a sound one."""
    put(tmp_path / "vae_k1_epochs30_seed0.safetensors", weights(1))
    put(tmp_path / "copy" / "vae_k1_epochs30_seed0.safetensors", weights(1))
    put(tmp_path / "vae_k1_epochs6_seed2.safetensors", weights(2))
    put(tmp_path / "checkpoints" / "vae_k1_epochs6_seed0.safetensors", weights(3)[:-1])
    assert found(tmp_path).files == {EXPECTED: weights(1)}
    put(tmp_path / "more" / "vae_k1_epochs6_seed0.safetensors", weights(4))
    assert found(tmp_path).files == {EXPECTED: weights(4)}


def test_ambiguous_checkpoints_are_put_before_a_person(tmp_path):
    """Where two files could be meant, none is judged, and both are named."""
    for name in ("vae_k1_epochs30_seed0", "vae_k1_epochs60_seed0"):
        put(tmp_path / f"{name}.safetensors", weights(float(name[13:15])))
    result = found(tmp_path)
    assert result.missing == result.files == {}
    for word in ("epochs30", "epochs60", f"expected {EXPECTED}", "Nothing was judged"):
        assert word in result.unclear["vae"]


def test_missing_checkpoint_is_named_with_what_was_found(tmp_path):
    """Nothing that could be it was handed in: what was found, what was expected, and that nothing was judged."""
    put(tmp_path / "vae.ipynb", b"{}")
    assert f"expected {EXPECTED}; found nothing. Nothing was judged." in found(tmp_path).missing["vae"]
    put(tmp_path / "weights.pt", b"PK\x03\x04")
    put(tmp_path / "checkpoints" / "vae_k1_epochs6_seed0.unfinished", b"x")
    said = found(tmp_path).missing["vae"]
    assert "found weights.pt, checkpoints/vae_k1_epochs6_seed0.unfinished." in said


DAMAGED = {
    "empty": (b"", "it is empty"),
    "cut in the data": (weights()[:-5], "was it cut off"),
    "cut in the header": (weights()[:40], "it is cut off"),
    "too long": (weights() + b"x", "by its header"),
    "zip": (b"PK\x03\x04" + bytes(100), "a zip"),
    "page": (b"<!DOCTYPE html>", "a page of the web"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    "long header": ((88 * 2**20).to_bytes(8, "little") + b"{" + bytes(100), "a header of at most 1048576 bytes"),
    "no header": ((20).to_bytes(8, "little") + b"x" * 20, "cannot be read"),
    "odd header": ((9).to_bytes(8, "little") + b'{"w": [] }'[:9], "cannot be read"),
    "deep header": ((10**6).to_bytes(8, "little") + b"[" * 10**6, "cannot be read"),
    "holes": (
        (68).to_bytes(8, "little")
        + b'{"w": {"dtype": "U8", "shape": [4], "data_offsets": [4, 8]}}'.ljust(68)
        + bytes(8),
        "does not fit",
    ),
}


@pytest.mark.parametrize(("content", "said"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_checkpoint_is_called_damaged(tmp_path, content, said):
    """A file that is not whole is not judged; the reason is told apart, and a person decides."""
    put(tmp_path / EXPECTED, content)
    result = found(tmp_path)
    assert result.missing == {}
    assert result.unclear["vae"].startswith(f"{EXPECTED} is damaged: ")
    assert said in result.unclear["vae"]


def test_sound_files_are_not_called_damaged():
    """What safetensors writes is whole: every dtype, no tensors, empty tensors, no metadata."""
    kinds = (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
    for tensors in (
        {str(kind): torch.zeros(3, 2, dtype=kind) for kind in kinds},
        {},
        {"e": torch.zeros(0), "s": torch.tensor(1.0)},
    ):
        assert damage(safetensors.torch.save(tensors)) == ""


def test_each_model_is_looked_for_by_itself(tmp_path):
    """Of five models each is found under its own K; one without a file is missing alone."""
    trained = [Model("vae_k1", "vae", 1), Model("vae_k5", "vae", 5), Model("iwae_k5", "iwae", 5)]
    put(tmp_path / "doe_1_2_vae_k1_epochs6_seed0.safetensors", weights(1))
    put(tmp_path / "doe_1_3_iwae_k5_epochs6_seed0.safetensors", weights(2))
    result = found(tmp_path, trained)
    assert result.files == {
        "checkpoints/vae_k1_epochs6_seed0.safetensors": weights(1),
        "checkpoints/iwae_k5_epochs6_seed0.safetensors": weights(2),
    }
    assert list(result.missing) == ["vae_k5"]


def test_links_of_any_kind_are_no_checkpoints(tmp_path):
    """A symbolic or hard link to another file is not taken, and said."""
    put(tmp_path / "bob" / "w.safetensors", weights())
    for name, link in (("ada", os.link), ("eve", os.symlink)):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
        link(tmp_path / "bob" / "w.safetensors", tmp_path / name / EXPECTED)
        result = found(tmp_path / name)
        assert result.files == {}
        assert "vae" in result.missing
        assert re.search("hard link|cannot be opened", result.notes[0])


def test_unjudged_models_are_told_apart():
    """Missing weights fail their exercise with the reason; damaged and ambiguous ones leave it not graded."""
    unjudged = Beside(missing={"vae_k5": "no file"}, unclear={"vae_k1": "cut off"}).unjudged
    assert isinstance(unjudged["vae_k5"], StudentError)
    assert isinstance(unjudged["vae_k1"], NotGraded)
    known = {"cell": "trained_vae", "test": "t", "credit": 0, "weight": 1, "sentence": "s"}
    passed = Outcome(**known | {"credit": 1, "status": Status.PASSED})
    assert share(5, [passed, Outcome(**known, status=Status.UNGRADED, message="cut off")]) == Mark(
        points=5, score=None, reason="cut off"
    )
    assert "an error of the grader in t" in share(5, [Outcome(**known, status=Status.ERROR, detail="Traceback")]).reason


# --- nbgrader's own run ------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_was_handed_in_is_graded_or_waits_for_a_person(course, checkpoint):
    """Honest submissions in odd forms earn what they are worth; what is not certain is not graded, and no written answer is a silent zero."""
    course.nbgrader("generate_assignment", "vae")
    lost = worked()
    without_metadata_and_ids(lost)
    module = worked()
    named(module, "encoder").source = "from my_layers import act\n\n\n" + SOLVED["encoder"].replace(
        "nn.ReLU()", "act()"
    )
    assert "act()" in named(module, "encoder").source.split("import act")[1]
    flat = course.hand_in("flat", lost).parent
    other = flat / f"doejane_10482_775201_{checkpoint.name.replace('epochs6', 'epochs30')}"
    put(other, checkpoint.read_bytes())
    beside = course.hand_in("module", module, checkpoint).parent
    put(beside / "my_layers.py", b"from torch import nn\n\n\ndef act():\n    return nn.ReLU()\n")
    unplaced = worked()
    answer = named(unplaced, "written_log_q")
    answer.source = "YOUR ANSWER HERE"
    unplaced.cells.insert(unplaced.cells.index(answer) + 1, nbformat.v4.new_code_cell("# It is a sum."))
    damaged = course.hand_in("damaged", unplaced, checkpoint).parent
    put(damaged / "checkpoints" / checkpoint.name, checkpoint.read_bytes()[:-1000])
    copied = course.hand_in("copied", course.notebook("release")).parent
    put(copied / "vae-Copy1.ipynb", worked())
    course.nbgrader("autograde", "vae")
    reports = {path.parts[-3]: Report.load(path) for path in (course.folder / "reports").glob("*/vae/vae.json")}
    for student in ("flat", "module"):
        assert reports[student].score == reports[student].points, reports[student].line()
    unjudged = {cell for cell, mark in reports["damaged"].marks.items() if mark.score is None}
    assert unjudged == {"trained_vae"}
    assert "is damaged" in reports["damaged"].line()
    assert [flag for flag in reports["damaged"].flags if "written_log_q needs a person" in flag]
    assert "the work is in vae-Copy1.ipynb" in reports["copied"].line()
    assert not any(mark.score is not None for mark in reports["copied"].marks.values())
    with sqlite3.connect(course.folder / "gradebook.db") as database:
        waiting = dict(database.execute(WAITING).fetchall())
    assert waiting == {
        "flat": len(WRITTEN),
        "module": len(WRITTEN),
        "damaged": len(WRITTEN) + 1,
        "copied": 14 + len(WRITTEN),
    }


# --- modules ------------------------------------------------------------------------------------------


def test_own_modules_are_taken_and_given_ones_are_not(tmp_path):
    """Modules of the student's own go to the kernel; what has the name of something given or installed does not, and is named."""
    put(tmp_path / "my_layers.py", b"x = 1")
    put(tmp_path / "tools" / "__init__.py", b"")
    put(tmp_path / "doejane_10482_775203_helpers-1.py", b"y = 1")
    for name in (
        "lab.py",
        "vae.py",
        "torch.py",
        "json.py",
        "sitecustomize.py",
        "2nd.py",
        "class.py",
        "a b.py",
        "LAB.py",
    ):
        put(tmp_path / name, b"raise SystemExit")
    put(tmp_path / "lab" / "data.py", b"raise SystemExit")
    (tmp_path / "linked.py").symlink_to("/etc/passwd")
    put(tmp_path / "large.py", b"#" * (256 * 2**10 + 1))
    result = find_modules(Folder(tmp_path), attached("priors"))
    assert result.files == {"my_layers.py": b"x = 1", "tools/__init__.py": b"", "helpers.py": b"y = 1"}
    assert len(result.notes) == 12
    assert result.notes[0].startswith("Modules of the student's own were taken: ")
    assert not [note for note in result.notes if "data.py" in note]


def test_number_of_modules_is_bounded(tmp_path):
    """Of very many modules, twenty are taken, and the rest are named within bounds."""
    for number in range(60):
        put(tmp_path / f"m{number}.py")
    result = find_modules(Folder(tmp_path), {})
    assert len(result.files) == 20
    assert len(result.notes) == 21


# --- cells --------------------------------------------------------------------------------------------


def without_metadata(notebook):
    """Lose the metadata of every cell."""
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})


def without_metadata_and_ids(notebook):
    """Lose metadata and ids: another editor has made new ones."""
    without_metadata(notebook)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"#VSC-{number}"


def without_nbgrader(notebook):
    """Keep metadata of other programs, lose nbgrader's and the ids, and write Windows' line ends."""
    without_metadata_and_ids(notebook)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({"id": "q1", "colab": {"height": 34}})
        del cell["id"]
        cell.source = (
            cell.source.replace("\n", "  \r\n") if cell.cell_type == "code" else cell.source.replace("\n", "\r\n")
        )


def partly(notebook):
    """Lose metadata and id of every second cell."""
    for number, cell in enumerate(notebook.cells):
        if number % 2:
            cell.metadata = nbformat.from_dict({})
            cell["id"] = f"new-{number}"


@pytest.mark.parametrize("lose", [without_metadata, without_metadata_and_ids, without_nbgrader, partly])
def test_cells_are_recognised_without_metadata(lose):
    """Solutions and written answers stand where they belong, by ids, by the text of what was given, or by their place."""
    notebook = worked()
    lose(notebook)
    result, sources = fitted(notebook)
    for cell in worked().cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            assert sources[cell.id].split() == cell.source.split()
    assert len(result.notebook.cells) == len(RELEASE.cells)
    assert result.unplaced == {}
    assert any("recognised" in note for note in result.notes)


def test_healthy_notebook_needs_no_remark():
    """Where nothing was lost, cells stay what they are, and nothing is said."""
    result, sources = fitted(worked())
    assert [cell.source for cell in result.notebook.cells] == [cell.source for cell in worked().cells]
    assert (result.notes, result.unplaced) == ([], {})


@pytest.mark.parametrize("lose", [lambda notebook: None, without_metadata_and_ids])
@pytest.mark.parametrize("place", ["above", "below", "raw"])
def test_answer_in_a_new_cell_is_joined(lose, place):
    """Text in new cells between a question and the next given cell is the answer where the answer's own cell was left as it was."""
    notebook = worked()
    at = notebook.cells.index(named(notebook, "written_log_q"))
    notebook.cells[at].source = "YOUR ANSWER HERE"
    make = nbformat.v4.new_raw_cell if place == "raw" else nbformat.v4.new_markdown_cell
    notebook.cells[at + (place != "above") : at + (place != "above")] = [make("First."), make("Second.")]
    lose(notebook)
    result, sources = fitted(notebook)
    assert sources["written_log_q"] == "First.\n\nSecond."
    assert sources["written_likelihood"] == "My answer to written_likelihood."
    assert [note for note in result.notes if "written_log_q" in note]
    assert result.unplaced == {}


def test_notes_beside_a_given_answer_stay_what_they_are():
    """A new cell below an answer that was given in its cell is no part of it."""
    notebook = worked()
    at = notebook.cells.index(named(notebook, "written_log_q"))
    notebook.cells.insert(at + 1, nbformat.v4.new_markdown_cell("A note."))
    result, sources = fitted(notebook)
    assert sources["written_log_q"] == "My answer to written_log_q."
    assert "A note." in sources.values()


def test_answer_written_into_the_question_is_told_apart():
    """What was added to a locked question, below it or within it, is the answer where its cell is empty or gone; the question is restored."""
    for gone in (False, True):
        notebook = worked()
        question, answer = (named(notebook, name) for name in ("question_log_q", "written_log_q"))
        question.source += "\n\nIt is a sum over dimensions."
        answer.source = "YOUR ANSWER HERE"
        if gone:
            notebook.cells.remove(answer)
        _, sources = fitted(notebook)
        assert sources["written_log_q"] == "It is a sum over dimensions."
    notebook = worked()
    lines = named(notebook, "question_log_q").source.split("\n")
    named(notebook, "question_log_q").source = "\n".join([lines[0], "A sum.", *lines[1:]])
    named(notebook, "written_log_q").source = ""
    assert fitted(notebook)[1]["written_log_q"] == "A sum."


def test_answers_that_cannot_be_placed_are_put_before_a_person():
    """Answers at the end of the notebook, in one cell, or in code beside the answer's cell are not zeros without a look."""
    notebook = worked()
    notebook.cells = [cell for cell in notebook.cells if cell.id not in WRITTEN]
    result, _ = fitted(notebook)
    assert result.unplaced == {}  # they were deleted, and nothing else was written
    notebook.cells.append(nbformat.v4.new_markdown_cell("1. The noise. 2. A sum. 3. Bernoulli."))
    result, sources = fitted(notebook)
    assert set(result.unplaced) | {name for name in WRITTEN if "The noise" in sources[name]} == set(WRITTEN)
    assert len(result.unplaced) >= len(WRITTEN) - 1
    notebook = worked()
    answer = named(notebook, "written_log_q")
    answer.source = "YOUR ANSWER HERE"
    notebook.cells.insert(notebook.cells.index(answer) + 1, nbformat.v4.new_code_cell("# It is a sum."))
    assert list(fitted(notebook)[0].unplaced) == ["written_log_q"]


@pytest.mark.parametrize("lose", [lambda notebook: None, without_metadata_and_ids])
def test_joined_cells_are_taken_apart(lose):
    """Cells that were merged in an editor: of locked ones and of solutions nothing is lost."""
    notebook = worked()
    for first, others in {
        "test_elbo": ("elbo_number", "negative_elbo_text"),
        "question_log_q": ("written_log_q", "question_likelihood", "written_likelihood"),
        "sample": ("test_sample", "sample_figure"),
    }.items():
        for name in others:
            cell = named(notebook, name)
            if cell.cell_type == named(notebook, first).cell_type:
                named(notebook, first).source += f"\n\n{cell.source}"
                notebook.cells.remove(cell)
    test, solution = named(notebook, "test_encoder"), named(notebook, "decoder")
    test.source += f"\n\n{solution.source}"
    notebook.cells.remove(solution)
    lose(notebook)
    _, sources = fitted(notebook)
    for name in ("written_log_q", "written_likelihood"):
        assert sources[name] == f"My answer to {name}."
    assert sources["sample"].split() == SOLVED["sample"].split()
    assert sum("class Decoder" in source for source in sources.values()) == 1
    assert [source for source in sources.values() if SOLVED["decoder"].split()[-5:] == source.split()[-5:]]


def test_solution_written_elsewhere_is_not_undone():
    """Where a solution stands in another cell and its own is gone, no stub takes its place."""
    notebook = worked()
    own, other = named(notebook, "reparameterize"), named(notebook, "gaussian_log_prob")
    other.source = f"{own.source}\n\n\n{other.source}"
    notebook.cells.remove(own)
    _, sources = fitted(notebook)
    defining = [source for source in sources.values() if "def reparameterize" in source]
    assert len(defining) == 1
    assert "NotImplementedError" not in defining[0]


def test_recognition_is_quick():
    """A notebook of the largest size that is made to be hard is recognised in seconds."""
    notebook = nbformat.v4.new_notebook()
    given = named(RELEASE, "question_log_q").source
    notebook.cells = [nbformat.v4.new_markdown_cell(given[:-1] * 10) for _ in range(1000)]
    notebook.cells += [nbformat.v4.new_code_cell("def f(): ...\n" * 300) for _ in range(999)]
    without_metadata(notebook)
    begin = time.process_time()
    fitted(notebook)
    assert time.process_time() - begin < 20


def test_only_what_the_release_lacks_counts_as_unplaced(tmp_path):
    """A written answer that a person has to look for is no zero in the gradebook; see SaveScores."""
    submission = type("S", (), {"unplaced": {"written_log_q": "it may stand elsewhere"}})()
    cell = named(RELEASE, "written_log_q")
    assert preprocessors._unplaced(cell, {"submission": submission}) == "it may stand elsewhere"
    assert preprocessors._unplaced(named(RELEASE, "written_elbo"), {"submission": submission}) == ""


# --- which notebook -----------------------------------------------------------------------------------


def find(folder):
    """Return what is taken as vae.ipynb."""
    return find_notebook(Folder(folder), "vae.ipynb", RELEASE, [], 16 * 2**20)


def test_work_in_a_copy_is_put_before_a_person(tmp_path):
    """vae.ipynb is as it was given out and a copy was worked on: nothing is graded, and the reason says how to decide."""
    put(tmp_path / "vae.ipynb", RELEASE)
    put(tmp_path / "vae-Copy1.ipynb", worked())
    with pytest.raises(Undecided, match=r"the work is in vae-Copy1.ipynb: a person decides.*rename it to vae.ipynb"):
        find(tmp_path)


def test_copy_that_holds_more_is_flagged(tmp_path):
    """Of two that were worked on the one with the right name is graded; a fuller one is flagged, an emptier one is not."""
    less = copy.deepcopy(RELEASE)
    named(less, "reparameterize").source = SOLVED["reparameterize"]
    put(tmp_path / "vae.ipynb", less)
    put(tmp_path / "vae-Copy1.ipynb", worked())
    assert "vae-Copy1.ipynb beside vae.ipynb holds more" in find(tmp_path)[2][0]
    put(tmp_path / "vae.ipynb", worked())
    put(tmp_path / "vae-Copy1.ipynb", less)
    assert find(tmp_path)[2] == []


@pytest.mark.parametrize(
    "name",
    [
        *(
            "vae.ipynb.json",
            "vae.ipynb.txt",
            "vae (1).ipynb",
            "VAE.ipynb",
            "vae.json",
            "vae.ipynb (2)",
            "vae-1.ipynb.txt",
        ),
        "doejane_10482_775200_vae-1.ipynb",
        "Jane Doe_123456_assignsubmission_file_/vae.ipynb",
    ],
)
@pytest.mark.parametrize("lose", [lambda notebook: None, without_metadata_and_ids])
def test_notebook_under_another_name_is_taken(tmp_path, name, lose):
    """Endings of browsers and names of learning platforms hide no notebook, also one without metadata; an untouched release beside it does not count."""
    notebook = worked()
    lose(notebook)
    put(tmp_path / name, notebook)
    put(tmp_path / "given" / "vae.ipynb", RELEASE)
    put(tmp_path / "results.json", b"{}")
    assert find(tmp_path)[0] == name


def test_broken_notebook_names_what_lies_beside_it(tmp_path):
    """An upload that broke off is refused as such, and a copy that could be meant is named."""
    put(tmp_path / "vae.ipynb", b"")
    put(tmp_path / "vae (1).ipynb", worked())
    with pytest.raises(Refused, match=r"vae.ipynb is empty .*vae \(1\).ipynb lies beside it"):
        find(tmp_path)


def test_hard_link_is_refused(tmp_path):
    """A notebook that is a hard link, as to the instructor's source, is refused with the reason, and with what to do."""
    put(tmp_path / "source.ipynb", worked())
    (tmp_path / "ada").mkdir()
    os.link(tmp_path / "source.ipynb", tmp_path / "ada" / "vae.ipynb")
    with pytest.raises(
        Refused, match=r"^vae.ipynb is a hard link: this file has 2 names; expected one. Hand in a copy"
    ):
        find(tmp_path / "ada")


# --- times --------------------------------------------------------------------------------------------

NOW = datetime.now(UTC).replace(tzinfo=None)
ZONES = {
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "": 0,
    "CET": 1,
    "CEST": 2,
    "EST": -5,
    "EDT": -4,
    "PST": -8,
    "PDT": -7,
    "IST": 5.5,
    "IDT": 3,
}
ZONES |= {
    "+01": 1,
    "-03": -3,
    "+0530": 5.5,
    "-03:30": -3.5,
    "UTC+2": 2,
    "GMT-5": -5,
    "JST": 9,
    "CST": -6,
    "AEST": 10,
    "NPT": 5.75,
}
ZONES |= {"+01:00:00": 1, "+0100 (CET)": 1, "Asia/Kolkata": 5.5, "\N{MINUS SIGN}03": -3, "MSK": 3, "BRT": -3, "cest": 2}


def handed_in(folder, text, notebook=NOW - timedelta(hours=2), own=NOW):
    """Return when a submission with this timestamp.txt arrived; the files' times are given."""
    put(folder / "vae.ipynb", b"{}", notebook)
    put(folder / "timestamp.txt", text.encode(), own)
    return submission_time(Folder(folder), ["vae.ipynb"])


@pytest.mark.parametrize(("zone", "hours"), ZONES.items(), ids=ZONES)
@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S.%f {}", "%Y-%m-%dT%H:%M:%S.%f{}"], ids=["nbgrader", "iso"])
def test_zones_are_read(tmp_path, zone, hours, form):
    """A time of an hour ago is one, whatever the zone is called, with a BOM and line ends; nobody is accused."""
    said = NOW - timedelta(hours=1)
    text = (said + timedelta(hours=hours)).strftime(form).format(zone)
    assert handed_in(tmp_path, f"\ufeff{text}\r\n") == (said, "", "timestamp", False)


def test_ambiguous_zone_is_read_for_the_student(tmp_path):
    """CST is Chicago and Shanghai: the time of timestamp.txt itself tells, else the earliest that the notebook does not contradict counts."""
    shown = NOW - timedelta(hours=12)
    text = f"{shown:%Y-%m-%d %H:%M:%S} CST"
    early = handed_in(tmp_path, text, notebook=NOW - timedelta(days=3)).time
    late = handed_in(tmp_path, text, notebook=NOW - timedelta(hours=10)).time
    told = handed_in(tmp_path, text, notebook=NOW - timedelta(days=3), own=shown + timedelta(hours=6)).time
    assert (early, late, told) == tuple((shown + timedelta(hours=hours)).replace(microsecond=0) for hours in (-8, 6, 6))


def test_time_of_a_copy_accuses_nobody(tmp_path):
    """After zip_collect all files have the collector's time: timestamp.txt counts, and the student reads nothing."""
    for name in ("vae.ipynb", EXPECTED, "timestamp.txt"):
        put(tmp_path / name, b"2024-05-01 12:00:00 UTC", NOW - timedelta(days=1))
    arrival = submission_time(Folder(tmp_path), ["vae.ipynb"])
    assert arrival.time == datetime(2024, 5, 1, 12)
    assert (arrival.counts, arrival.copied) == ("timestamp", True)
    assert re.fullmatch(r"the times disagree: .*; timestamp.txt counts\.", arrival.remark)


def test_file_that_was_written_here_accuses_nobody(tmp_path):
    """A notebook that was saved where it is graded, as by an instructor, has the time of that; the instructor reads that the times disagree."""
    put(tmp_path / EXPECTED, b"x", datetime(2024, 4, 30))
    put(tmp_path / "timestamp.txt", b"2024-05-01 12:00:00 UTC", datetime(2024, 5, 1, 12))
    put(tmp_path / "vae.ipynb", b"{}")
    arrival = submission_time(Folder(tmp_path), ["vae.ipynb"])
    assert (arrival.time, arrival.counts, arrival.copied) == (datetime(2024, 5, 1, 12), "timestamp", False)
    assert "the times disagree" in arrival.remark


def test_notebook_that_was_changed_later_counts(tmp_path):
    """Where no copy explains it, a newer notebook is evidence: its own time counts."""
    put(tmp_path / EXPECTED, b"x", datetime(2024, 4, 30))
    arrival = handed_in(tmp_path, "2024-05-01 12:00:00 UTC", datetime(2024, 5, 3), own=datetime(2024, 5, 1, 12))
    assert (arrival.time, arrival.counts) == (datetime(2024, 5, 3), "notebook")
    near = handed_in(tmp_path, "2024-05-01 12:00:00 UTC", datetime(2024, 5, 1, 12, 5), own=datetime(2024, 5, 1, 12))
    assert near.counts == "notebook"  # timestamp.txt was written when it says: never copied without its time


def test_table_of_zones_is_that_of_the_database():
    """The abbreviations of some places at two times of a year mean what the table says."""
    zoneinfo = pytest.importorskip("zoneinfo")
    for place in (
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Asia/Shanghai",
        "Australia/Sydney",
        "Asia/Tokyo",
    ):
        for month in (1, 7):
            moment = datetime(2026, month, 1, tzinfo=zoneinfo.ZoneInfo(place))
            assert moment.utcoffset() / timedelta(minutes=1) in times.ZONES[moment.tzname()]
