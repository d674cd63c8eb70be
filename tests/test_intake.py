"""Opening submissions: what is refused and why, and that what is taken is a valid notebook in the release's shape."""

import base64
import copy
import gc
import json
import os
import re
import shutil
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import pytest
import safetensors.torch
import torch
from filelock import FileLock
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets.config import Config

from autograder.door import configure, exporter, preprocessors
from autograder.door.autograde import Autograde
from autograder.door.configured import Configured
from autograder.door.generate import GenerateAssignment
from autograder.door.remake import GenerateFeedback
from autograder.examine import plan, stored
from autograder.intake import beside, folder, submission
from autograder.intake.beside import pictures
from autograder.intake.cells import fit_to_release
from autograder.intake.checkpoints import checkpoints
from autograder.intake.folder import Folder, Refused, read_bytes
from autograder.intake.notebook import KERNELSPEC, read_notebook
from autograder.intake.submission import find_notebook
from autograder.intake.times import submission_time
from autograder.reporting.report import Mark, Report
from tests.conftest import CHOICES, ROOT, TemporaryCourse

LIMIT = 2**20
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
NOON = datetime(2024, 5, 1, 12)


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
    return new.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})


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
    notebook = fit_to_release(read_notebook(content, "vae.ipynb"), release).notebook
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode()
    assert notebook.metadata == {"kernelspec": KERNELSPEC}
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


def put(path, content=b"x", changed=NOON):
    """Write a file, last changed at a time in UTC, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else nbformat.writes(content).encode())
    seconds = changed.replace(tzinfo=UTC).timestamp()
    os.utime(path, (seconds, seconds))
    return path


@pytest.mark.parametrize("linked", ["ada", "ada/vae", "ada/vae/vae.ipynb", "ada/vae/vae.ipynb/more"])
def test_link_at_any_level_is_refused(tmp_path, linked):
    """A link to another student's folder or file is followed nowhere below submitted/, also not in the middle of a path."""
    put(tmp_path / "bob" / "vae" / "vae.ipynb" / "more" / "a", b"secret")
    link = tmp_path / linked
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path / "bob" / Path(linked).relative_to("ada"))
    folder = Folder(tmp_path, ("ada", "vae"))
    with pytest.raises(Refused, match=rf"^{Path(linked).name} cannot be opened \(Not a directory\)"):
        folder.read("vae.ipynb/more/a", LIMIT)


def test_link_to_submitted_itself_is_the_instructors(tmp_path):
    """The folder that holds all submissions may be a link."""
    put(tmp_path / "disk" / "ada" / "a.txt", b"text")
    (tmp_path / "submitted").symlink_to("disk")
    assert Folder(tmp_path / "submitted", ("ada",)).read("a.txt", LIMIT) == b"text"


def test_opened_folder_cannot_be_exchanged(tmp_path):
    """What is put in the place of a folder that is open is not read."""
    put(tmp_path / "ada" / "a.txt", b"ada's")
    put(tmp_path / "bob" / "a.txt", b"bob's")
    with Folder(tmp_path, ("ada",)).opened() as descriptor:
        (tmp_path / "ada").rename(tmp_path / "away")
        (tmp_path / "ada").symlink_to("bob")
        assert read_bytes(Path("a.txt"), LIMIT, descriptor) == b"ada's"


def test_folders_leave_no_descriptor_open(tmp_path):
    """Reading, refusing and listing close whatever they opened."""
    put(tmp_path / "ada" / "vae" / "a.txt")
    (tmp_path / "ada" / "link").symlink_to("vae")
    folder, before = Folder(tmp_path, ("ada",)), len(os.listdir("/proc/self/fd"))
    for path in ("vae/a.txt", "vae", "link/a.txt", "vae/none", "none/a.txt"):
        try:
            folder.read(path, LIMIT)
        except Refused:
            continue
    folder.paths()
    assert len(os.listdir("/proc/self/fd")) == before


def test_paths_are_those_here_and_one_folder_down(tmp_path):
    """Neither hidden entries nor what lies deeper or behind a link is seen."""
    for path in ("a.txt", "sub/b.txt", "sub/deep/c.txt", ".hidden/d.txt", "sub/._b.txt", ".e"):
        put(tmp_path / "ada" / path)
    (tmp_path / "ada" / "link").symlink_to("sub")
    assert Folder(tmp_path, ("ada",)).paths() == ["a.txt", "link", "sub/", "sub/b.txt", "sub/deep/"]


def test_paths_are_bounded(tmp_path, monkeypatch):
    """Of very many entries, some are left out, here and below."""
    monkeypatch.setattr(folder, "MAX_PATHS", 5)
    for number in range(9):
        for path in (f"{number}.txt", f"sub/{number}.txt", f"sub2/{number}.txt"):
            put(tmp_path / path)
    assert len(Folder(tmp_path).paths()) <= 10


# --- checkpoints and pictures ---------------------------------------------------------------------


def test_checkpoints_are_copied_within_their_limit(tmp_path):
    """Checkpoints up to the limit in all are taken; links and what is too much are left out with a note."""
    for name in ("a.safetensors", "b.safetensors", "d.pt"):
        put(tmp_path / "checkpoints" / name, b"x" * 600_000)
    (tmp_path / "checkpoints" / "c.safetensors").symlink_to("a.safetensors")
    files, notes = checkpoints(Folder(tmp_path), LIMIT)
    assert {path: len(content) for path, content in files.items()} == {"checkpoints/a.safetensors": 600_000}
    assert [note.split()[0] for note in notes] == ["b.safetensors", "c.safetensors"]


def test_linked_checkpoint_folder_is_left_out(tmp_path):
    """A folder of checkpoints that is a link to another student's is not followed."""
    put(tmp_path / "bob" / "checkpoints" / "a.safetensors")
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "checkpoints").symlink_to(tmp_path / "bob" / "checkpoints")
    files, notes = checkpoints(Folder(tmp_path, ("ada",)), LIMIT)
    assert files == {}
    assert "expected a folder, not a link" in notes[0]


def test_submission_without_checkpoints_needs_no_note(tmp_path):
    """Where there is no folder of checkpoints, there is nothing to say."""
    assert checkpoints(Folder(tmp_path), LIMIT) == ({}, [])


def test_pictures_that_answers_name_are_copied(tmp_path):
    """Files of the names in the text are taken, also with quoted spaces and one folder down; others are not."""
    for name in ("loss.png", "my plot.jpg", "images/z.jpeg", "other.png", "notes.txt"):
        put(tmp_path / name, PNG if name.endswith("png") else b"\xff\xd8\xff\xe0")
    text = "![loss](loss.png) ![](my%20plot.jpg) <img src='images/z.jpeg'> notes.txt"
    files, notes = pictures(Folder(tmp_path), text)
    assert sorted(files) == ["images/z.jpeg", "loss.png", "my plot.jpg"]
    assert files["loss.png"] == PNG
    assert notes == []


def test_pictures_that_are_none_are_left_out_with_a_note(tmp_path, monkeypatch):
    """A page under a picture's name, a link, a FIFO, and what is too much are left out, and said."""
    monkeypatch.setattr(beside, "PICTURES_LIMIT", 100)
    put(tmp_path / "a.png", b"<script>")
    put(tmp_path / "b.png", PNG + bytes(100))
    (tmp_path / "c.png").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "d.png")
    put(tmp_path / "e.png", PNG + bytes(50))
    put(tmp_path / "f.png", PNG + bytes(50))
    files, notes = pictures(Folder(tmp_path), "a.png b.png c.png d.png e.png f.png")
    assert list(files) == ["e.png"]
    assert [note.split()[0] for note in notes] == ["a.png", "b.png", "c.png", "d.png", "f.png"]


def test_number_of_pictures_is_bounded(tmp_path, monkeypatch):
    """Pictures beyond the number allowed are left out with a note."""
    monkeypatch.setattr(beside, "MAX_PICTURES", 2)
    for name in ("a", "b", "c"):
        put(tmp_path / f"{name}.png", PNG)
    files, notes = pictures(Folder(tmp_path), "a.png b.png c.png")
    assert sorted(files) == ["a.png", "b.png"]
    assert notes == ["c.png was left out: 2 pictures are allowed."]


# --- which notebook -------------------------------------------------------------------------------


def find(folder, release, others=()):
    """Return what is taken as vae.ipynb."""
    return find_notebook(Folder(folder), "vae.ipynb", release, others, LIMIT)


def holding(release, number):
    """Return a notebook with the first cells of the release that have a grade_id."""
    cells = [cell for cell in release.cells if cell.metadata][:number]
    return nbformat.v4.new_notebook(cells=copy.deepcopy(cells))


def test_notebook_of_the_right_name_is_taken(tmp_path, submitted, release):
    """Whatever else lies there, the notebook of the release's name is the submission."""
    put(tmp_path / "vae.ipynb", submitted)
    put(tmp_path / "backup.ipynb", release)
    path, notebook, _ = find(tmp_path, release)
    assert path == "vae.ipynb"
    assert by_name(notebook)["elbo"].source == "def elbo(): return 1"


@pytest.mark.parametrize("name", ["final_v2.ipynb", "vae (1).ipynb", "VAE.IPYNB", "vae/vae.ipynb", "my work/x.ipynb"])
def test_renamed_notebook_is_recognised(tmp_path, submitted, release, name):
    """The only notebook with the assignment's cells is taken under another name, also one folder down."""
    put(tmp_path / name, submitted)
    put(tmp_path / "scratch.ipynb", nbformat.v4.new_notebook())
    put(tmp_path / "broken.ipynb", b"{")
    (tmp_path / "linked.ipynb").symlink_to(tmp_path / name)
    path, notebook, _ = find(tmp_path, release)
    assert path == name
    assert by_name(notebook)["elbo"].source == "def elbo(): return 1"


def test_half_of_the_cells_is_enough_and_less_is_not(tmp_path, release):
    """A notebook is recognised by at least half of the release's five grade_ids."""
    put(tmp_path / "a.ipynb", holding(release, 2))
    with pytest.raises(Refused, match=r"^vae.ipynb is missing; found: a.ipynb. Hand in the notebook as vae.ipynb$"):
        find(tmp_path, release)
    put(tmp_path / "b.ipynb", holding(release, 3))
    assert find(tmp_path, release)[0] == "b.ipynb"


def test_two_candidates_are_refused_by_name(tmp_path, submitted, release):
    """Where two notebooks could be it, none is chosen, and the reason names both."""
    put(tmp_path / "a.ipynb", submitted)
    by_name(submitted)["elbo"].source = "def elbo(): return 2"
    put(tmp_path / "old" / "vae.ipynb", submitted)
    with pytest.raises(Refused, match=r"^vae.ipynb is missing, and each of a.ipynb, old/vae.ipynb could be it"):
        find(tmp_path, release)


def test_other_notebook_of_the_release_is_not_taken(tmp_path, submitted, release):
    """A notebook that has another name of the release is not taken twice."""
    put(tmp_path / "gmm.ipynb", submitted)
    with pytest.raises(Refused, match="is missing"):
        find(tmp_path, release, others=["gmm.ipynb"])


def test_link_of_the_right_name_is_not_passed_over(tmp_path, submitted, release):
    """A link under the right name is refused as such, whatever lies beside it."""
    put(tmp_path / "other.ipynb", submitted)
    (tmp_path / "vae.ipynb").symlink_to("other.ipynb")
    with pytest.raises(Refused, match=r"^vae.ipynb cannot be opened"):
        find(tmp_path, release)


def test_missing_notebook_names_what_was_found(tmp_path, release):
    """The reason lists what was handed in instead, shortened, without control characters and without nbgrader's own files."""
    with pytest.raises(Refused, match="found: nothing"):
        find(tmp_path, release)
    for name in ("a\n\x1b[31m.txt", "timestamp.txt", "submission_secret.txt", *"bcdefg"):
        put(tmp_path / name)
    with pytest.raises(Refused, match=r"found: a �\[31m.txt, b, c, d, e, and 2 more\. "):
        find(tmp_path, release)


def test_number_of_notebooks_read_is_bounded(tmp_path, submitted, release, monkeypatch):
    """Of very many notebooks, only some are read."""
    monkeypatch.setattr(submission, "MAX_CANDIDATES", 2)
    for name in ("a", "b", "c"):
        put(tmp_path / f"{name}.ipynb", submitted if name == "c" else b"{")
    with pytest.raises(Refused, match="is missing"):
        find(tmp_path, release)


# --- when it was handed in ------------------------------------------------------------------------


def time_of(folder, timestamp=None, *, changed=NOON, name="vae.ipynb", trusted=False):
    """Return when a submission with this timestamp.txt and a notebook changed at noon was handed in, and what is said."""
    put(folder / name, b"{}", changed)
    if timestamp is not None:
        content = timestamp.encode() if isinstance(timestamp, str) else timestamp
        put(folder / "timestamp.txt", content, NOON - timedelta(days=1))
    return submission_time(Folder(folder), ["vae.ipynb"], trusted)[:2]


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2024-05-01 12:00:30.250000 UTC", NOON + timedelta(seconds=30.25)),
        ("2024-05-02 14:00:00 Europe/Berlin\n", NOON + timedelta(days=1)),
        ("2024-05-02T13:00:00+01:00", NOON + timedelta(days=1)),
        ("\ufeffMay 3, 2024 12:00", NOON + timedelta(days=2)),
        ("2024-05-01 11:59:01 UTC", NOON - timedelta(seconds=59)),
    ],
    ids=["utc", "zone", "offset", "words", "within a minute"],
)
def test_plausible_timestamp_counts(tmp_path, timestamp, expected):
    """A time after the notebook's last change counts as it is, in every form that nbgrader reads."""
    assert time_of(tmp_path, timestamp) == (expected, "")


IMPLAUSIBLE = {
    "forged": ("2024-05-01 11:58:00 UTC", "the notebook was changed after that"),
    "future": ("2990-01-01 00:00:00 UTC", "still to come"),
    "empty": ("", "names no time"),
    "words": ("yesterday evening", "names no time"),
    "binary": (b"\xff\xfe\x00", "names no time"),
    "huge number": ("9" * 500, "names no time"),
    "huge offset": ("2024-05-02 12:00:00 999999999999999", "names no time"),
    "year 1": ("0001-01-01 00:00:00 UTC", "names no time"),
    "large": (" " * 5000 + "2024-05-02 12:00:00 UTC", "names no time"),
}


@pytest.mark.parametrize(("timestamp", "said"), IMPLAUSIBLE.values(), ids=IMPLAUSIBLE)
def test_implausible_timestamp_is_replaced_and_said(tmp_path, timestamp, said):
    """Where a timestamp cannot be, the notebook's last change counts, and a sentence says both."""
    time, remark = time_of(tmp_path, timestamp)
    assert time == NOON
    assert said in remark
    assert remark.endswith(": the time of the notebook counts, 2024-05-01 12:00:00 UTC.")


@pytest.mark.parametrize("kind", ["fifo", "device", "link", "folder", "dangling"])
def test_timestamp_that_is_no_file_is_replaced(tmp_path, kind):
    """Whatever has the name timestamp.txt is neither waited for nor followed."""
    path = tmp_path / "timestamp.txt"
    put(tmp_path / "elsewhere.txt", b"2024-05-02 12:00:00 UTC")
    target = {"device": "/dev/zero", "link": "elsewhere.txt", "dangling": "nowhere"}.get(kind)
    if target:
        path.symlink_to(target)
    else:
        os.mkfifo(path) if kind == "fifo" else path.mkdir()
    time, remark = time_of(tmp_path)
    assert time == NOON
    assert "names no time" in remark


def test_submission_without_timestamp_has_no_time(tmp_path):
    """Without timestamp.txt no time is made up, as nbgrader has it."""
    assert time_of(tmp_path) == (None, "")


def test_collected_timestamps_can_be_trusted(tmp_path):
    """A course whose copies do not keep files' times takes each timestamp that names one, and no other."""
    assert time_of(tmp_path, "2024-04-01 12:00:00 UTC", trusted=True) == (NOON - timedelta(days=30), "")
    time, remark = time_of(tmp_path, "soon", trusted=True)
    assert time == NOON
    assert "names no time" in remark


def test_renamed_notebook_dates_a_timestamp(tmp_path):
    """A notebook under another name is no way around the check."""
    time, remark = time_of(tmp_path, "2024-04-01 12:00:00 UTC", name="work/final.ipynb")
    assert time == NOON
    assert "changed after" in remark


def test_latest_notebook_dates_a_timestamp(tmp_path):
    """Of several notebooks, the one that was changed last counts."""
    put(tmp_path / "a.ipynb", changed=NOON - timedelta(days=1))
    put(tmp_path / "b.ipynb", changed=NOON)
    put(tmp_path / "timestamp.txt", b"2024-05-01 00:00:00 UTC", NOON - timedelta(days=1))
    assert submission_time(Folder(tmp_path), ["a.ipynb", "b.ipynb"])[0] == NOON


@pytest.mark.parametrize("year", [2100, 1960])
def test_notebook_of_an_impossible_time_is_dated_by_its_arrival(tmp_path, year):
    """A clock that was set forward gives the time at which the file came here, every time the same; one set back, 1970 at the earliest."""
    before = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1)
    time, _ = time_of(tmp_path, "no time", changed=datetime(year, 1, 1))
    assert before < time < datetime.now(UTC).replace(tzinfo=None) if year == 2100 else time == datetime(1970, 1, 1)
    assert submission_time(Folder(tmp_path), ["vae.ipynb"])[0] == time


# --- what is no notebook -----------------------------------------------------------------------------


NO_JSON = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\n", "is empty"),
    "cut": (b'{"cells": [', "ends in the middle"),
    "zip": (b"PK\x03\x04", "a zip"),
    "pdf": (b"%PDF-1.7", "a PDF"),
    "utf-16": ("{}".encode("utf-16"), "UTF-16"),
    "utf-16 without a mark": (('{"cells": []}' * 9).encode("utf-16-le"), "UTF-16"),
    "utf-32": ("{}".encode("utf-32"), "UTF-32"),
    "latin-1": ('{"a": "\xe9"}'.encode("latin-1"), "not UTF-8"),
    "NUL bytes behind": (b'{"cells": []}' + bytes(8), "ends in NUL bytes"),
    "NUL bytes inside": (b'{"cells": ' + bytes(8) + b"[]}", "holds NUL bytes"),
    "page": (b"\n<!DOCTYPE html><title>Log in</title>", "a page of the web"),
    "program": (b"# coding: utf-8\nimport torch\n\n# In[1]:\n", "a program"),
    "merge": (b'{\n<<<<<<< HEAD\n"cells": []\n=======\n>>>>>>> theirs\n}', "merge"),
    "long number": (b'{"a": ' + b"7" * 5000 + b"}", "a number of 5000 digits"),
    "syntax": (b'{\n"cells": [}]}', "not valid JSON, line 2"),
    "deep list": (b"[" * 200_000, "not valid JSON"),
    "deep dict": (b'{"cells":' * 200_000, "not valid JSON"),
    "many values": (b"[" + b"{}," * 2_000_001 + b"{}]", "2000001 values"),
}


@pytest.mark.parametrize(("content", "said"), NO_JSON.values(), ids=NO_JSON)
def test_what_is_no_json_is_refused_with_its_own_reason(content, said):
    """Content that is not JSON is refused: the reason says what it is and what to do."""
    with pytest.raises(Refused, match=r"(?i)^vae.ipynb .*hand (it )?in", check=lambda refusal: said in str(refusal)):
        read_notebook(content, "vae.ipynb")


def test_many_commas_in_texts_are_not_many_values(submitted, release):
    """A long text, as of an embedded figure, is one value, also one with escaped quotes."""
    by_name(submitted)["elbo"].source = "def elbo(): return 3\n# " + 'a,"b\\", ' * 300_000
    assert by_name(taken(submitted, release))["elbo"].source.startswith("def elbo(): return 3")


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
    """A cell whose nbgrader metadata makes no sense is known by its id; one that has no other sign is a plain cell."""
    by_name(submitted)["elbo"].metadata["nbgrader"] = nbgrader
    submitted.cells.append(nbformat.v4.new_code_cell("x = 1", metadata={"nbgrader": nbgrader}))
    notebook = taken(submitted, release)
    assert by_name(notebook)["elbo"].source == "def elbo(): return 1"
    assert notebook.cells[-1].source == "x = 1"


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


def test_pictures_of_a_joined_answer_are_kept_apart(submitted, release):
    """Attachments of both halves are kept; a name that both use for other pictures gets a new one where it is shown."""
    first, second = by_name(submitted)["written_why"], copy.deepcopy(by_name(submitted)["written_why"])
    first["attachments"] = {"image.png": {"image/png": "AAAA"}, "same.png": {"image/png": "CCCC"}}
    second["attachments"] = {
        "image.png": {"image/png": "BBBB"},
        "same.png": {"image/png": "CCCC"},
        "new.png": {"image/png": "DDDD"},
    }
    second.source = "![a](attachment:image.png) ![b](attachment:same.png) ![c](attachment:new.png)"
    submitted.cells.append(second)
    answer = by_name(taken(submitted, release))["written_why"]
    assert answer.source.endswith("![a](attachment:2-image.png) ![b](attachment:same.png) ![c](attachment:new.png)")
    pictures_by_name = {name: bundle["image/png"] for name, bundle in answer.attachments.items()}
    assert pictures_by_name == {"image.png": "AAAA", "same.png": "CCCC", "2-image.png": "BBBB", "new.png": "DDDD"}


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


# --- nbgrader's own runs --------------------------------------------------------------------------

handed_on = []  # (student, notebook, Submission) of the run in progress


class Record(Configured, NbGraderPreprocessor):
    """Stands in the place of the examination, keeps what it is given, and grades what can be read."""

    def preprocess(self, nb, resources):
        """Return the notebook with what an examination leaves in it; the score is zero."""
        who, submission = resources["nbgrader"], resources["submission"]
        handed_on.append((who["student"], who["notebook"], submission))
        score = None if submission.refusal else 0.0
        known = {"student": who["student"], "assignment": who["assignment"], "notebook": who["notebook"]}
        found = Report(**known, marks={"elbo": Mark(points=1, score=score)}, submission=who["digest"])
        found.save(self.course.root / "reports")
        with Gradebook(who["db_url"]) as gradebook:
            for grade in gradebook.find_submission_notebook(who["notebook"], who["assignment"], who["student"]).grades:
                grade.auto_score = score
            gradebook.db.commit()
        nb.cells.insert(0, nbformat.v4.new_markdown_cell("", id="result"))
        return nb, resources


class SmallCourse:
    """A course of one small assignment that nbgrader's converters run on, in this process and without kernels."""

    def __init__(self, folder, names=("vae",)):
        self.folder, self.config = folder, Config()
        configure.configure(self.config, folder)
        self.config.Autograde.autograde_preprocessors = [Record]
        if not (folder / "source").exists():
            for name in names:
                put(folder / "source" / "vae" / f"{name}.ipynb", source(name))
            put(folder / "source" / "vae" / "figures" / "given.png", PNG)
            GenerateAssignment(coursedir=self.coursedir(), config=self.config).start()
        self.release = (folder / "release" / "vae" / f"{names[0]}.ipynb").read_bytes()

    def coursedir(self, **options):
        """Return nbgrader's description of the course's folders."""
        return CourseDirectory(config=self.config, **({"assignment_id": "vae"} | options))

    def hand_in(self, student, name="vae.ipynb", content=None, changed=NOON, time=None):
        """Put a file, by default the release's notebook, into a student's submission, and a timestamp.txt; return the submission's folder."""
        folder = self.folder / "submitted" / student / "vae"
        put(folder / name, self.release if content is None else content, changed)
        if time is not None:
            put(folder / "timestamp.txt", str(time).encode())
        return folder

    def autograde(self, force=False, coursedir=None, **options):
        """Run nbgrader's converter and return what it handed on to be examined, by student."""
        handed_on.clear()
        Autograde(coursedir=coursedir or self.coursedir(**options), config=self.config, force=force).start()
        return {student: submission for student, _, submission in handed_on}

    def graded(self, student):
        """Return the files of a student that the run left, without the notebook itself."""
        folder = self.folder / "autograded" / student / "vae"
        return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} - {
            "vae.ipynb",
            "figures/given.png",
        }

    def time(self, student):
        """Return the time of a submission in the gradebook."""
        with sqlite3.connect(self.folder / "gradebook.db") as database:
            rows = database.execute("select timestamp from submitted_assignment where student_id = ?", [student])
            return next(rows)[0]


def source(name):
    """Return a small source notebook whose cells are named after it."""
    new = nbformat.v4
    code = "### BEGIN SOLUTION\ndef elbo(): return 1\n### END SOLUTION"
    cells = [
        new.new_code_cell("import torch", id="imports"),
        tagged(new.new_code_cell(code), f"{name}_elbo", locked=False, grade=False, solution=True),
        tagged(new.new_code_cell("assert elbo()"), f"{name}_test", locked=True, grade=True, solution=False, points=4),
        tagged(new.new_markdown_cell("Why?"), f"{name}_why", locked=False, grade=True, solution=True, points=1),
    ]
    return new.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})


@pytest.fixture(scope="module")
def configured():
    """Let courses be configured in this process, and leave nothing of it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (CHOICES | {"PATH": os.environ["PATH"], "COURSE_DATA": "data"}).items():
            patch.setenv(name, value)
        patch.setattr(NbGraderAPI, "get_submitted_timestamp", NbGraderAPI.get_submitted_timestamp)
        yield


@pytest.fixture(scope="module")
def made(configured, tmp_path_factory):
    """The folder of a released small course."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copy(ROOT / "course_config.py", folder)
    SmallCourse(folder)
    return folder


@pytest.fixture
def small(made, tmp_path):
    """A released small course of a test's own, without submissions."""
    return SmallCourse(shutil.copytree(made, tmp_path / "course"))


@pytest.fixture(scope="module")
def hostile(made, tmp_path_factory):
    """A run over submissions of every malformed kind: the course, and what was handed on."""
    course = SmallCourse(shutil.copytree(made, tmp_path_factory.mktemp("hostile") / "course"))
    submitted = course.folder / "submitted"
    course.hand_in("honest", time=NOON)
    for student, target in {
        "zero": "/dev/zero",
        "copy": "../../honest/vae/vae.ipynb",
        "solution": "../../../source/vae/vae.ipynb",
        "dangling": "nowhere",
    }.items():
        course.hand_in(student, "notes.txt", b"").joinpath("vae.ipynb").symlink_to(target)
    os.mkfifo(course.hand_in("fifo", "notes.txt", b"") / "vae.ipynb")
    (submitted / "linked").symlink_to("honest")
    (submitted / "inner").mkdir()
    (submitted / "inner" / "vae").symlink_to("../honest/vae")
    put(submitted / "file" / "vae")
    (submitted / "empty" / "vae").mkdir(parents=True)
    course.hand_in("without", "notes.txt", b"")
    course.hand_in("two", "a.ipynb")
    course.hand_in("two", "b.ipynb")
    course.hand_in("unreadable", content=b"{")
    course.hand_in("renamed", "final_v2.ipynb")
    course.hand_in("nested", "vae/vae.ipynb")
    course.hand_in("nested", "vae/checkpoints/a.safetensors", b"weights")
    os.mkfifo(course.hand_in("fifo-time") / "timestamp.txt")
    crowded = course.hand_in("crowded", "data.bin", bytes(1000))
    course.hand_in("crowded", "sub/a.txt", b"")
    course.hand_in("crowded")
    (crowded / "zero.png").symlink_to("/dev/zero")
    (crowded / "sub" / "secret").symlink_to("../../../../source")
    os.mkfifo(crowded / "pipe")
    for name in ODD:
        course.hand_in(name)
    return course, course.autograde()


ODD = ("with space", "-dash", "..dots", "{brace}", "{0}", "%s %d", "[ab]", "a+b", "émile", "学生", "a'b\"c", "x" * 200)
REFUSED = {
    "zero": r"^vae.ipynb cannot be opened",
    "copy": r"^vae.ipynb cannot be opened",
    "solution": r"^vae.ipynb cannot be opened",
    "dangling": r"^vae.ipynb cannot be opened",
    "fifo": r"^vae.ipynb is not a regular file",
    "linked": r"^linked cannot be opened .*expected a folder, not a link",
    "inner": r"^vae cannot be opened .*expected a folder, not a link",
    "file": r"^vae cannot be opened .*expected a folder",
    "empty": r"^vae.ipynb is missing; found: nothing",
    "without": r"^vae.ipynb is missing; found: notes.txt",
    "two": r"^vae.ipynb is missing, and each of a.ipynb, b.ipynb could be it",
    "unreadable": r"^vae.ipynb is not valid JSON",
}
starts_nbgrader = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),  # of nbgrader's own use of it
]


def marked(test):
    """Mark a test that starts nbgrader."""
    for mark in starts_nbgrader:
        test = mark(test)
    return test


@marked
@pytest.mark.parametrize("student", REFUSED)
def test_what_cannot_be_taken_is_refused_with_the_reason(hostile, student):
    """Links, FIFOs, and folders without the notebook end in a reason, and their content is copied nowhere."""
    course, handed = hostile
    assert re.match(REFUSED[student], handed[student].refusal), handed[student].refusal
    assert course.graded(student) == set()
    left = nbformat.read(course.folder / "autograded" / student / "vae" / "vae.ipynb", as_version=4)
    unsolved = nbformat.reads(course.release.decode(), as_version=4)
    assert [cell.source for cell in left.cells if cell.id != "result"] == [cell.source for cell in unsolved.cells]


@marked
@pytest.mark.parametrize(
    "student", ["honest", "renamed", "nested", "fifo-time", "crowded", *(n for n in ODD if n[0] != ".")]
)
def test_what_can_be_taken_is_taken(hostile, student):
    """Submissions beside hostile ones, under odd names, and of renamed notebooks are taken."""
    assert hostile[1][student].refusal == ""


@marked
def test_folders_that_are_hidden_are_none_of_a_student(hostile):
    """As for nbgrader, a folder whose name begins with a dot is no submission."""
    assert hostile[1].keys() == {*REFUSED, "honest", "renamed", "nested", "fifo-time", "crowded", *ODD} - {"..dots"}


@marked
def test_renamed_and_nested_notebooks_come_with_a_note(hostile):
    """A notebook under another name is named in a note, and its checkpoints are those beside it."""
    _, handed = hostile
    assert handed["renamed"].notes == ["final_v2.ipynb was taken as vae.ipynb."]
    assert handed["nested"].notes == ["vae/vae.ipynb was taken as vae.ipynb."]
    assert list(checkpoints(handed["nested"].folder, LIMIT)[0]) == ["checkpoints/a.safetensors"]
    assert handed["honest"].notes == handed["honest"].flags == []


@marked
def test_nothing_but_the_notebook_and_the_time_is_copied(hostile):
    """Files that are not asked for, links and FIFOs among them, stay where they are."""
    course, _ = hostile
    assert course.graded("honest") == {"timestamp.txt"}
    assert course.graded("crowded") == set()


@marked
def test_time_that_does_not_count_is_flagged(small):
    """A forged timestamp reaches neither the gradebook nor a later comparison, and student and instructor read why."""
    put(small.hand_in("ada") / "timestamp.txt", b"2024-04-01 12:00:00 UTC", NOON + timedelta(days=9))
    small.hand_in("bob", time="2024-05-02 12:00:00 UTC")
    os.mkfifo(small.hand_in("eve") / "timestamp.txt")
    handed = small.autograde()
    assert [small.time(student)[:19] for student in ("ada", "bob", "eve")] == [
        "2024-05-01 12:00:00",
        "2024-05-02 12:00:00",
        "2024-05-01 12:00:00",
    ]
    for student, said in (("ada", "changed after that"), ("eve", "names no time")):
        assert handed[student].notes == handed[student].flags
        assert said in handed[student].flags[0]
    assert handed["bob"].flags == []


@marked
def test_class_that_was_copied_is_accused_of_nothing(small):
    """Where all files of most submissions have the time of a copy nothing is said; of one among others the instructor reads, the student does not."""
    said = b"2024-04-01 12:00:00 UTC"
    for student in ("ada", "bob", "eve"):
        put(small.hand_in(student) / "timestamp.txt", said)
    handed = small.autograde()
    assert [small.time(student)[:19] for student in handed] == ["2024-04-01 12:00:00"] * 3
    assert all(submission.notes == submission.flags == [] for submission in handed.values())
    for student in ("bob", "eve"):
        put(small.hand_in(student) / "timestamp.txt", b"2024-05-02 12:00:00 UTC")
    handed = small.autograde(force=True)
    assert handed["ada"].notes == handed["bob"].flags == []
    assert handed["ada"].flags[0].startswith("the times disagree: timestamp.txt names 2024-04-01 12:00:00 UTC")


@marked
def test_second_run_at_once_changes_nothing(small, caplog):
    """While a run grades an assignment, another one ends with one clear line; when that has ended, or was killed, the next one grades."""
    small.hand_in("ada")
    (small.folder / "examined").mkdir()
    with FileLock(small.folder / "examined" / ".vae.lock"), pytest.raises(NbGraderException, match="Another run"):
        small.autograde()
    assert "Another run is grading vae in this folder" in caplog.text
    assert list((small.folder / "reports").glob("*/*")) == []
    assert set(small.autograde()) == {"ada"}


@marked
@pytest.mark.parametrize("folder", ["reports", "autograded", "examined"])
def test_folder_that_cannot_be_written_is_told_before_grading(small, caplog, folder):
    """One line, and nothing of the run; here a file is in the folder's way."""
    small.hand_in("ada")
    (small.folder / folder).write_text("")
    with pytest.raises(NbGraderException, match=f"{folder}/: nothing can be written there"):
        small.autograde()
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "check the folder's owner and rights" in line


@marked
@pytest.mark.parametrize(("folder", "app"), [("release", GenerateAssignment), ("feedback", GenerateFeedback)])
def test_folder_that_cannot_be_written_is_told_before_anything_is_made(small, caplog, folder, app):
    """The same where a release or pages are to be made: one line, and the release that is there stays."""
    small.hand_in("ada")
    small.autograde()
    before = (small.folder / "release" / "vae" / "vae.ipynb").read_bytes()
    aside = small.folder / "aside"
    if folder == "release":
        (small.folder / folder).rename(aside)
    (small.folder / folder).write_text("")
    caplog.clear()
    with pytest.raises(NbGraderException, match=f"{folder}/: nothing can be written there"):
        app(coursedir=small.coursedir(), config=small.config, force=True).start()
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "check the folder's owner and rights" in line
    kept = aside if folder == "release" else small.folder / "release"
    assert (kept / "vae" / "vae.ipynb").read_bytes() == before


@marked
def test_files_of_one_student_that_cannot_be_written_cost_nobody_else(small, caplog):
    """That one is named and not graded; the others are."""
    small.hand_in("ada")
    small.hand_in("bob")
    (small.folder / "autograded").mkdir()
    (small.folder / "autograded" / "ada").write_text("")
    with pytest.raises(NbGraderException, match="Not graded for no fault of theirs: ada"):
        small.autograde()
    assert "ada: not graded: a file could not be written" in caplog.text
    assert (small.folder / "autograded" / "bob" / "vae" / "vae.ipynb").is_file()


@marked
def test_source_that_changes_in_the_middle_is_told(small, caplog, monkeypatch):
    """Nothing is lost; who graded is told that grades may not be alike, and how to make them so."""
    for student in ("ada", "bob"):
        small.hand_in(student)
    stored._kit.cache_clear()
    examined = Record.preprocess

    def changing(self, nb, resources):
        stored._kit("vae", small.folder)  # what an examination looks at first
        with (small.folder / "source" / "vae" / "vae.ipynb").open("a") as file:
            file.write("\n")
        return examined(self, nb, resources)

    monkeypatch.setattr(Record, "preprocess", changing)
    assert set(small.autograde()) == {"ada", "bob"}
    assert "changed while this run went on" in caplog.text
    assert "nbgrader autograde vae --force" in caplog.text
    stored._kit.cache_clear()
    monkeypatch.setattr(Record, "preprocess", examined)
    caplog.clear()
    assert set(small.autograde(force=True)) == {"ada", "bob"}
    assert "changed while this run went on" not in caplog.text


@marked
def test_hard_link_to_the_source_is_refused(small):
    """A notebook that is the instructor's own source under another name is not graded, and the reason says so."""
    (small.folder / "submitted" / "ada" / "vae").mkdir(parents=True)
    os.link(small.folder / "source" / "vae" / "vae.ipynb", small.folder / "submitted" / "ada" / "vae" / "vae.ipynb")
    assert small.autograde()["ada"].refusal.startswith("vae.ipynb is a hard link: this file has 2 names")
    assert small.graded("ada") == set()


@marked
def test_report_says_what_was_taken_and_what_was_not(small, monkeypatch):
    """Notes and flags of the intake stand in the report beside those of the run, and checkpoints come from where the notebook lay."""
    given = {}

    def examined(course, notebook, files, *, student, assignment, name, unjudged, log):
        given[student] = files
        marks = {plan.exercise(cell): Mark(points=4, score=3) for cell in plan.automatic(notebook)}
        return Report(
            student=student, assignment=assignment, notebook=name, marks=marks, notes=["Cell 3 raised."]
        ), notebook

    monkeypatch.setattr(preprocessors.apart, "examined", examined)
    small.config.Autograde.autograde_preprocessors = [preprocessors.Examine]
    small.hand_in("ada", "work/final.ipynb", time="never")
    for number, name in enumerate(("work/checkpoints/a.safetensors", "checkpoints/b.safetensors")):
        small.hand_in("ada", name, safetensors.torch.save({"w": torch.tensor(number)}))
    (small.folder / "submitted" / "ada" / "vae" / "work" / "checkpoints" / "c.safetensors").symlink_to("/dev/zero")
    (small.hand_in("bob", "notes.txt", time="never") / "vae.ipynb").symlink_to("/dev/zero")
    small.autograde()
    report, refused = (Report.load(small.folder / "reports" / who / "vae" / "vae.json") for who in ("ada", "bob"))
    assert {path: safetensors.torch.load(content) for path, content in given["ada"].items()} == {
        "checkpoints/a.safetensors": {"w": torch.tensor(0)}
    }
    assert {note.split()[0] for note in report.notes + report.remarks} == {
        "Cell",
        "timestamp.txt",
        "work/final.ipynb",
        "c.safetensors",
    }
    assert [flag.split()[0] for flag in report.flags] == ["timestamp.txt"]
    assert refused.line().startswith("not graded: vae.ipynb cannot be opened")


@marked
def test_formgrader_lists_submissions_whatever_their_timestamps_are(small):
    """Neither a FIFO nor text that is no time keeps others from the list, and a time that was replaced counts as graded."""
    for student in ("ada", "bob", "eve", "lee"):
        small.hand_in(student, time="2024-05-02 12:00:00 UTC")
    small.hand_in("bob", time="no time")
    small.hand_in("eve", time="2024-04-01 12:00:00 UTC")
    folder = small.hand_in("lee")
    (folder / "timestamp.txt").unlink()
    os.mkfifo(folder / "timestamp.txt")
    small.autograde()
    (small.folder / "submitted" / "new" / "vae").mkdir(parents=True)
    listed = NbGraderAPI(small.coursedir(), config=small.config).get_submissions("vae")
    graded = {submission["student"]: submission["autograded"] for submission in listed}
    assert graded == {"ada": True, "bob": True, "eve": True, "lee": True, "new": False}


@marked
def test_trusted_timestamps_are_a_choice_of_the_course(small, monkeypatch):
    """With submission_time = "collected" the timestamp counts although the notebook is newer."""
    monkeypatch.setenv("COURSE_SUBMISSION_TIME", "collected")
    small = SmallCourse(small.folder)
    small.hand_in("ada", time="2024-04-01 12:00:00 UTC")
    assert small.autograde()["ada"].flags == []
    assert small.time("ada")[:19] == "2024-04-01 12:00:00"


@marked
def test_only_what_is_new_is_graded_again(small):
    """A second run skips what it graded; what could not be read, one more submission, a newer timestamp and --force are graded."""
    for student in ("ada", "bob"):
        small.hand_in(student, time=NOON)
    (small.folder / "submitted" / "eve" / "vae").mkdir(parents=True)
    assert small.autograde().keys() == {"ada", "bob", "eve"}
    assert small.autograde().keys() == {"eve"}
    small.hand_in("new")
    assert small.autograde(student_id_exclude="eve").keys() == {"new"}
    small.hand_in("bob", time=NOON + timedelta(days=1))
    assert small.autograde(student_id_exclude="eve").keys() == {"bob"}
    assert small.autograde(force=True).keys() == {"ada", "bob", "eve", "new"}
    assert small.autograde(force=True, student_id="ada").keys() == {"ada"}
    assert small.autograde(force=True, student_id_exclude="ada,new").keys() == {"bob", "eve"}


@marked
def test_timestamp_that_is_replaced_does_not_change_between_runs(small):
    """A submission whose timestamp and clock are both impossible is graded once."""
    small.hand_in("ada", time="never", changed=datetime(2100, 1, 1))
    assert small.autograde().keys() == {"ada"}
    assert small.autograde().keys() == set()


@marked
def test_what_is_skipped_is_not_read(small, monkeypatch):
    """A run for one new submission opens no notebook of the others."""
    small.hand_in("ada")
    small.autograde()
    small.hand_in("bob")
    read = []
    monkeypatch.setattr(
        exporter, "find_notebook", lambda folder, *args: read.append(folder) or find_notebook(folder, *args)
    )
    small.autograde()
    assert [folder.parts for folder in read] == [("bob", "vae")]


@marked
def test_shared_description_of_the_course_is_left_alone(small, tmp_path, monkeypatch):
    """The CourseDirectory that formgrader's server goes on using is unchanged, and nothing of the staging is left."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    small.hand_in("ada")
    coursedir = small.coursedir()
    before = {name: getattr(coursedir, name) for name in coursedir.trait_names()}
    small.autograde(coursedir=coursedir)
    assert {name: getattr(coursedir, name) for name in coursedir.trait_names()} == before
    gc.collect()
    assert list(place.iterdir()) == []
    assert sorted(os.listdir(small.folder / "submitted" / "ada" / "vae")) == ["vae.ipynb"]


@marked
def test_name_with_control_characters_is_left_out_and_said(small, caplog):
    """A folder whose name nbgrader cannot handle costs nobody else the grading, and no such character is printed by us."""
    for name in ("ada", "b\nob", "eve\x1b[31m", os.fsdecode(b"z\xff")):
        small.hand_in(name)
    assert small.autograde().keys() == {"ada"}
    lines = [record.getMessage() for record in caplog.records if "control characters" in record.getMessage()]
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


@marked
def test_secret_of_the_exchange_is_kept(small):
    """nbgrader's secret, without which feedback cannot be given back, is copied where it is a short text."""
    small.hand_in("ada", "submission_secret.txt", b"5ec2e7")
    small.hand_in("ada")
    small.hand_in("bob").joinpath("submission_secret.txt").symlink_to("../../ada/vae/submission_secret.txt")
    small.hand_in("eve", "submission_secret.txt", b"\xff\xfe")
    small.hand_in("eve")
    small.autograde()
    assert [small.graded(student) for student in ("ada", "bob", "eve")] == [{"submission_secret.txt"}, set(), set()]


@marked
def test_pictures_of_answers_are_put_beside_the_notebook(small):
    """Picture files that a written answer names are copied, at a regrade again; the instructor's own are not replaced."""
    notebook = nbformat.reads(small.release.decode(), as_version=4)
    by_name(notebook)["vae_why"].source = "![](loss.png) ![](images/z.png) ![](figures/given.png)"
    by_name(notebook)["vae_elbo"].source = "# unused.png"
    small.hand_in("ada", content=nbformat.writes(notebook).encode())
    for name in ("loss.png", "images/z.png", "unused.png", "figures/given.png"):
        small.hand_in("ada", name, PNG + b"student")
    for options in ({}, {"notebook_id": "vae"}):
        small.autograde(force=True, **options)
        assert small.graded("ada") == {"loss.png", "images/z.png"}
    place = small.folder / "autograded" / "ada" / "vae"
    assert (place / "images" / "z.png").read_bytes() == PNG + b"student"
    assert (place / "figures" / "given.png").read_bytes() == PNG


@marked
def test_each_notebook_of_an_assignment_is_taken_for_itself(configured, tmp_path):
    """Of an assignment with two notebooks, a missing one is refused, a renamed one is recognised, and one alone can be graded."""
    shutil.copy(ROOT / "course_config.py", tmp_path)
    course = SmallCourse(tmp_path, names=("vae", "iwae"))
    course.hand_in("ada")
    course.hand_in("bob", "part two.ipynb", (tmp_path / "release" / "vae" / "iwae.ipynb").read_bytes())
    course.hand_in("bob", "part one.ipynb")
    course.autograde()
    found = {(student, name): (s.refusal.split(".")[0], s.notes) for student, name, s in handed_on}
    assert found == {
        ("ada", "vae"): ("", []),
        ("ada", "iwae"): ("iwae", []),
        ("bob", "vae"): ("", ["part one.ipynb was taken as vae.ipynb."]),
        ("bob", "iwae"): ("", ["part two.ipynb was taken as iwae.ipynb."]),
    }
    course.autograde(force=True, notebook_id="vae")
    assert sorted((student, name) for student, name, _ in handed_on) == [("ada", "vae"), ("bob", "vae")]
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as gradebook:
        for student, name in found:
            scores = {g.auto_score for g in gradebook.find_submission_notebook(name, "vae", student).grades}
            assert scores == ({None} if (student, name) == ("ada", "iwae") else {0.0})


@marked
def test_notebook_that_the_release_does_not_have_is_refused(small):
    """Asking for a notebook that only a student has ends the run with the names there are."""
    small.hand_in("ada", "mine.ipynb")
    with pytest.raises(NbGraderException, match=r"release/vae: no notebook matches 'mine'; there are vae.ipynb\."):
        small.autograde(notebook_id="mine")


@pytest.mark.slow
def test_refused_submissions_end_as_not_graded(made, tmp_path):
    """The ordinary command gives each a report and leaves no zero in the gradebook, and ends well."""
    course = TemporaryCourse.__new__(TemporaryCourse)
    course.folder = shutil.copytree(made, tmp_path / "course")
    for student in ("fifo", "without", "zero"):
        put(course.folder / "submitted" / student / "vae" / "notes.txt")
    os.mkfifo(course.folder / "submitted" / "fifo" / "vae" / "vae.ipynb")
    (course.folder / "submitted" / "zero" / "vae" / "vae.ipynb").symlink_to("/dev/zero")
    shutil.copy(ROOT / "nbgrader_config.py", course.folder)
    log = course.nbgrader("autograde", "vae")
    assert "Traceback" not in log
    for student in ("fifo", "without", "zero"):
        report = Report.load(course.folder / "reports" / student / "vae" / "vae.json")
        assert report.line().startswith("not graded: vae.ipynb ")
    with sqlite3.connect(course.folder / "gradebook.db") as database:
        rows = database.execute("select auto_score, needs_manual_grade from grade").fetchall()
    assert rows == [(None, 1)] * 6
