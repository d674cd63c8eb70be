"""Opening submissions: what is refused and why, and that what is taken is a valid notebook in the release's shape."""

import base64
import copy
import json
import os

import nbformat
import pytest
import safetensors.torch
import torch

from autograder import examine, intake
from autograder.course import Course
from autograder.intake import Refused, fit_to_release, read_bytes, read_notebook

LIMIT = 2**20


def tagged(cell, name, *, locked, **more):
    """Give a cell nbgrader's metadata."""
    cell.metadata["nbgrader"] = {"grade_id": name, "locked": locked, "schema_version": 3, "task": False, **more}
    cell.id = name
    return cell


@pytest.fixture
def release():
    """A small release: a text, an exercise with its test, a written answer and a locked question."""
    new = nbformat.v4
    cells = [
        new.new_markdown_cell("# VAE", id="title"),
        tagged(new.new_code_cell("import torch"), "imports", locked=True, grade=False, solution=False),
        tagged(new.new_code_cell("def elbo(): ..."), "elbo", locked=False, grade=False, solution=True),
        tagged(new.new_code_cell("assert elbo()"), "test_elbo", locked=True, grade=True, solution=False, points=4),
        tagged(new.new_markdown_cell("Why?"), "question", locked=True, grade=False, solution=False),
        tagged(new.new_markdown_cell("Your answer"), "written_why", locked=False, grade=True, solution=True, points=1),
    ]
    return new.new_notebook(cells=cells, metadata={"kernelspec": intake.KERNELSPEC})


@pytest.fixture
def submitted(release):
    """The release, solved."""
    notebook = copy.deepcopy(release)
    by_name(notebook)["elbo"].source = "def elbo(): return 1"
    by_name(notebook)["written_why"].source = "Because."
    return notebook


def by_name(notebook):
    """Return a notebook's cells by grade_id; the first of each."""
    cells = {}
    for cell in notebook.cells:
        cells.setdefault(cell.metadata.get("nbgrader", {}).get("grade_id"), cell)
    return cells


def taken(content, release):
    """Return what the intake makes of a submission's content, which is always valid and always the release's shape."""
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    notebook = fit_to_release(read_notebook(content, "vae.ipynb"), release)
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode()
    assert notebook.metadata == {"kernelspec": intake.KERNELSPEC}
    names = [cell.metadata.nbgrader.grade_id for cell in notebook.cells if cell.metadata]
    assert sorted(names) == ["elbo", "imports", "question", "test_elbo", "written_why"]
    for name, cell in by_name(release).items():
        if name is not None:
            own = by_name(notebook)[name]
            assert (own.cell_type, own.metadata) == (cell.cell_type, cell.metadata)
            assert own.source == cell.source or not cell.metadata.nbgrader.locked
    return notebook


# --- files -----------------------------------------------------------------------------------------


def test_regular_file_is_read(tmp_path):
    """A file of at most the limit is read whole."""
    path = tmp_path / "vae.ipynb"
    path.write_bytes(b"x" * 100)
    assert read_bytes(path, 100) == b"x" * 100


def test_what_is_no_regular_file_is_refused(tmp_path):
    """Links, folders, FIFOs, devices and missing files are refused at once, by name only."""
    (tmp_path / "real.ipynb").write_text("secret")
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "real.ipynb")
    (tmp_path / "broken.ipynb").symlink_to(tmp_path / "nowhere")
    (tmp_path / "device.ipynb").symlink_to("/dev/zero")
    (tmp_path / "folder.ipynb").mkdir()
    os.mkfifo(tmp_path / "fifo.ipynb")
    for name in ("link", "broken", "device", "folder", "fifo", "missing"):
        with pytest.raises(Refused, match=rf"^{name}\.ipynb (cannot be opened|is not a regular file)") as caught:
            read_bytes(tmp_path / f"{name}.ipynb", LIMIT)
        assert str(tmp_path) not in str(caught.value)


def test_large_file_is_refused_unread(tmp_path):
    """A file over the limit is refused by its size, without reading it."""
    path = tmp_path / "vae.ipynb"
    with open(path, "wb") as file:
        file.truncate(2**40)  # sparse
    with pytest.raises(Refused, match=r"vae.ipynb has 1048576.0 MiB; 1.0 are allowed"):
        read_bytes(path, LIMIT)


def test_file_that_grows_is_refused(tmp_path, monkeypatch):
    """A file that is longer than it said is refused, too."""
    path = tmp_path / "vae.ipynb"
    path.write_bytes(b"x" * 101)
    true = os.fstat
    monkeypatch.setattr(os, "fstat", lambda fd: os.stat_result((*true(fd)[:6], 10, *true(fd)[7:])))
    with pytest.raises(Refused, match="are allowed"):
        read_bytes(path, 100)


def test_checkpoints_are_copied_within_their_limit(tmp_path):
    """Checkpoints up to the limit in all are taken; links and what is too much are left out with a note."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.safetensors").write_bytes(b"x" * 600_000)
    (folder / "c.safetensors").symlink_to(folder / "a.safetensors")
    (folder / "d.pt").write_bytes(b"pickle")
    course = Course(course_id="t", assignments=("vae",), checkpoint_limit_mib=1)
    files, notes = examine.checkpoints(course, tmp_path)
    assert list(files) == ["checkpoints/a.safetensors"]
    assert [note.split()[0] for note in notes] == ["b.safetensors", "c.safetensors"]


def test_linked_checkpoint_folder_is_left_out(tmp_path):
    """A folder of checkpoints that is a link to another student's is not followed."""
    (tmp_path / "bob" / "checkpoints").mkdir(parents=True)
    (tmp_path / "bob" / "checkpoints" / "a.safetensors").write_bytes(b"x")
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "checkpoints").symlink_to(tmp_path / "bob" / "checkpoints")
    files, notes = examine.checkpoints(Course(course_id="t", assignments=("vae",)), tmp_path / "ada")
    assert files == {}
    assert "is a link" in notes[0]


def test_digest_knows_weights_whatever_their_dtype():
    """The same weights have the same digest under other names of files, and other weights another."""
    weights = {"w": torch.ones(3, dtype=torch.bfloat16), "n": torch.tensor(2)}
    other = {"w": torch.zeros(3, dtype=torch.bfloat16), "n": torch.tensor(2)}
    one, same, changed = (
        safetensors.torch.save(of, metadata)
        for of, metadata in ((weights, None), (weights, {"by": "bob"}), (other, None))
    )
    assert examine.digest({"a": one}) == examine.digest({"b": same}) != examine.digest({"a": changed})
    assert examine.digest({"a": b"no checkpoint"}) == examine.digest({}) == ""


# --- what is no notebook -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"PK\x03\x04",
        b"\xff\xfe{\x00}\x00",
        b'{"cells": [}',
        b"[" * 200_000,
        b'{"cells":' * 200_000,
    ],
    ids=["empty", "cut", "zip", "utf-16", "syntax", "deep-list", "deep-dict"],
)
def test_what_is_no_json_is_refused(content):
    """Content that is not JSON is refused with what to do."""
    with pytest.raises(
        Refused, match=r"^vae.ipynb is not valid JSON.*Open it in Jupyter, save it, and hand it in again"
    ):
        read_notebook(content, "vae.ipynb")


NO_NOTEBOOK = {
    "null": None,
    "list": [],
    "number": 4,
    "text": "notebook",
    "empty": {},
    "no-cells": {"nbformat": 4},
    "cells-dict": {"nbformat": 4, "cells": {}},
    "cells-text": {"nbformat": 4, "cells": "code"},
    "cell-text": {"nbformat": 4, "cells": ["code"]},
    "cell-null": {"nbformat": 4, "cells": [None]},
    "cell-type": {"nbformat": 4, "cells": [{"cell_type": "heading", "source": ""}]},
    "source-number": {"nbformat": 4, "cells": [{"cell_type": "code", "source": 3}]},
    "source-mixed": {"nbformat": 4, "cells": [{"cell_type": "code", "source": ["a", 3]}]},
    "future": {"nbformat": 9, "cells": []},
    "version-text": {"nbformat": "4\x1b[31m", "cells": []},
    "version-list": {"nbformat": [4], "cells": []},
    "v3-broken": {"nbformat": 3, "nbformat_minor": 0, "worksheets": 3},
    "many": {"nbformat": 4, "cells": [{"cell_type": "code", "source": ""}] * 100_000},
}


@pytest.mark.parametrize("data", NO_NOTEBOOK.values(), ids=NO_NOTEBOOK)
def test_json_that_is_no_notebook_is_refused(data):
    """JSON of another shape, of another version or of too many cells is refused, in printable words."""
    with pytest.raises(Refused, match="^vae.ipynb is not a notebook") as caught:
        read_notebook(json.dumps(data).encode(), "vae.ipynb")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


# --- what is taken -----------------------------------------------------------------------------------


def test_honest_submission_keeps_its_answers(submitted, release):
    """Solutions and answers arrive; the rest is the release's."""
    notebook = taken(submitted, release)
    assert [cell.source for cell in notebook.cells] == [cell.source for cell in submitted.cells]


def test_byte_order_mark_is_tolerated(submitted, release):
    """A BOM in front, as some editors write it, is no reason to refuse."""
    assert (
        by_name(taken(b"\xef\xbb\xbf" + json.dumps(submitted).encode(), release))["elbo"].source
        == "def elbo(): return 1"
    )


def test_source_as_a_list_of_lines_is_joined(submitted, release):
    """Both forms of a source are read."""
    by_name(submitted)["elbo"]["source"] = ["def elbo():\n", "    return 2"]
    assert by_name(taken(submitted, release))["elbo"].source == "def elbo():\n    return 2"


@pytest.mark.filterwarnings("ignore::nbformat.warnings.MissingIDFieldWarning")
def test_old_format_is_converted(submitted, release):
    """A notebook that an old program saved in format 3 is graded like any other."""
    old = nbformat.convert(copy.deepcopy(submitted), 3)
    notebook = taken(nbformat.v3.writes_json(old).encode(), release)
    assert by_name(notebook)["elbo"].source == "def elbo(): return 1"
    assert by_name(notebook)["written_why"].source == "Because."


def test_missing_optional_parts_are_tolerated(release):
    """Cells without metadata, ids or outputs are taken as plain cells, and the release's are put back."""
    notebook = taken(
        {"nbformat": 4, "cells": [{"cell_type": "code", "source": "x = 1"}, {"cell_type": "raw"}]}, release
    )
    assert [cell.source for cell in notebook.cells[-2:]] == ["x = 1", ""]


def test_foreign_metadata_tags_and_outputs_are_dropped(submitted, release):
    """Nothing of a submission's metadata survives: tags, kernelspec, widgets, points, flags and outputs."""
    submitted.metadata = {"kernelspec": {"name": "bash", "display_name": "b"}, "widgets": {"x": 1}, "celltoolbar": "z"}
    for cell in submitted.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception"]
        cell.metadata["init_cell"] = True
    test = by_name(submitted)["test_elbo"]
    test.metadata.nbgrader |= {"points": 100, "locked": False, "solution": True}
    test.outputs = [nbformat.v4.new_output("execute_result", data={"text/plain": "100", "text/html": "<script>"})]
    test.execution_count = 7
    notebook = taken(submitted, release)
    assert by_name(notebook)["test_elbo"].metadata.nbgrader.points == 4
    assert all(cell.metadata.keys() <= {"nbgrader"} for cell in notebook.cells)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)


@pytest.mark.parametrize(
    "nbgrader", [None, 3, [], {}, {"grade_id": None}, {"grade_id": ["elbo"]}, {"grade_id": "\ud800"}], ids=str
)
def test_malformed_nbgrader_metadata_is_dropped(submitted, release, nbgrader):
    """A cell whose nbgrader metadata makes no sense is a plain cell."""
    by_name(submitted)["elbo"].metadata["nbgrader"] = nbgrader
    notebook = taken(submitted, release)
    assert by_name(notebook)["elbo"].source == by_name(release)["elbo"].source
    assert "def elbo(): return 1" in [cell.source for cell in notebook.cells]


@pytest.mark.parametrize("metadata", [None, [], "text"], ids=str)
def test_malformed_cell_metadata_is_dropped(submitted, release, metadata):
    """A cell whose metadata is no dict is a plain cell."""
    data = json.loads(nbformat.writes(submitted))
    data["cells"][0]["metadata"] = metadata
    assert taken(data, release).cells[0].source == "# VAE"


def test_locked_cells_are_restored(submitted, release):
    """Changes to locked cells, tests or questions, have no effect."""
    for name in ("imports", "test_elbo", "question"):
        by_name(submitted)[name].source = "raise SystemExit"
    assert "SystemExit" not in nbformat.writes(taken(submitted, release))


def test_deleted_cells_are_put_back_in_their_place(submitted, release):
    """Cells that were deleted stand where the release has them, unsolved."""
    submitted.cells = [cell for cell in submitted.cells if cell.id not in ("imports", "test_elbo", "written_why")]
    notebook = taken(submitted, release)
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells]
    assert [name for name in names if name] == ["imports", "elbo", "test_elbo", "question", "written_why"]
    assert by_name(notebook)["written_why"].source == "Your answer"


def test_empty_notebook_becomes_the_release(release):
    """A notebook without cells is an unsolved one."""
    notebook = taken({"nbformat": 4, "cells": []}, release)
    assert [cell.source for cell in notebook.cells] == [cell.source for cell in release.cells if cell.metadata]


def test_changed_cell_types_are_changed_back(submitted, release):
    """A solution that was turned into markdown is code again, an answer that was turned into code is text."""
    data = json.loads(nbformat.writes(submitted))
    for cell in data["cells"]:
        cell["cell_type"] = {"code": "markdown", "markdown": "raw"}[cell["cell_type"]]
    notebook = taken(data, release)
    assert by_name(notebook)["elbo"].source == "def elbo(): return 1"
    assert by_name(notebook)["written_why"].source == "Because."


def test_second_code_cell_of_an_exercise_stays_as_a_plain_cell(submitted, release):
    """A solution that was split keeps both halves, in order; one of them is the exercise."""
    second = copy.deepcopy(by_name(submitted)["elbo"])
    second.source = "helper = 1"
    submitted.cells.insert(3, second)
    notebook = taken(submitted, release)
    assert [cell.source for cell in notebook.cells[2:4]] == ["def elbo(): return 1", "helper = 1"]
    assert notebook.cells[3].metadata == {}


def test_second_cell_of_a_written_answer_is_joined(submitted, release):
    """An answer that was split is read as one."""
    second = copy.deepcopy(by_name(submitted)["written_why"])
    second.source = "Moreover."
    submitted.cells.append(second)
    assert by_name(taken(submitted, release))["written_why"].source == "Because.\n\nMoreover."


@pytest.mark.parametrize("name", ["imports", "test_elbo", "question"])
def test_second_copy_of_a_locked_cell_is_dropped(submitted, release, name):
    """Neither code nor text can be added under the name of a locked cell."""
    second = copy.deepcopy(by_name(submitted)[name])
    second.source = "forged"
    submitted.cells.insert(0, second)
    submitted.cells.append(copy.deepcopy(second))
    notebook = taken(submitted, release)
    assert "forged" not in nbformat.writes(notebook)
    assert len(notebook.cells) == len(release.cells)


def test_ids_are_unique_whatever_was_submitted(submitted, release):
    """Doubled, missing and malformed cell ids are replaced."""
    for cell in submitted.cells:
        cell["id"] = "elbo"
    submitted.cells.append(nbformat.v4.new_code_cell("x"))
    submitted.cells[-1]["id"] = "no id: " * 50
    ids = [cell.id for cell in taken(submitted, release).cells]
    assert len(set(ids)) == len(ids)


def test_lone_surrogates_are_replaced(submitted, release):
    """Half a character, which no file can hold, becomes a question mark in sources and attachments."""
    by_name(submitted)["elbo"].source = "x = 'a\ud800b'"
    by_name(submitted)["written_why"]["attachments"] = {"a\ud800.png": {"image/png": "AAAA\ud800"}}
    notebook = taken(submitted, release)
    assert by_name(notebook)["elbo"].source == "x = 'a?b'"
    assert by_name(notebook)["written_why"].attachments == {"a?.png": {}}


def test_pictures_of_answers_are_kept_and_nothing_else(submitted, release):
    """Of attachments, PNG and JPEG in base64 are kept; what could end an attribute of a page is not."""
    picture = base64.b64encode(bytes(range(256))).decode()
    bundle = {"image/png": picture, "image/svg+xml": "<svg onload=alert(1)>", "text/html": "<script>"}
    by_name(submitted)["written_why"]["attachments"] = {"a.png": bundle, "b.png": {"image/jpeg": '"><script>'}, "c": 3}
    assert by_name(taken(submitted, release))["written_why"].attachments == {
        "a.png": {"image/png": picture},
        "b.png": {},
    }


def test_moved_cells_are_taken_in_the_students_order(submitted, release):
    """Cells that were moved run where the student put them."""
    submitted.cells.reverse()
    assert [cell.source for cell in taken(submitted, release).cells] == [cell.source for cell in submitted.cells]
