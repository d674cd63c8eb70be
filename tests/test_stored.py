"""Results of examinations that are kept: what decides them, and what a run may take."""

import json
import shutil

import nbformat
import pytest
from nbconvert.exporters import NotebookExporter

from autograder.course import ROOT, Course
from autograder.examine import job, stored
from autograder.examine.stored import Examination, Run
from autograder.kernel.failures import NotGraded, StudentError
from autograder.reporting.report import Mark, Report


@pytest.fixture
def examination(tmp_path):
    """Return a function that makes an examination in a course of its own, with some things changed."""
    shutil.copytree(ROOT / "source" / "vae", tmp_path / "source" / "vae", ignore=shutil.ignore_patterns("checkpoints"))

    def made(files=None, notebook="x = 1", unjudged=None, **course):
        root = course.pop("root", tmp_path)
        settings = Course(course_id="c", assignments=("vae",), secret="s", **course).model_copy(update={"root": root})
        cells = [nbformat.v4.new_code_cell(notebook, id="one")]
        return Examination(
            course=settings,
            notebook=nbformat.v4.new_notebook(cells=cells),
            files=files or {"checkpoints/a": b"1"},
            student="ada",
            assignment="vae",
            name="vae",
            unjudged=unjudged or {},
        )

    return made


def report(score=1.0):
    """Return a report with one mark."""
    return Report(student="ada", assignment="vae", notebook="vae", marks={"elbo": Mark(points=2, score=score)})


def test_result_is_kept_and_taken(examination):
    """What was saved comes back, for just this examination."""
    one = examination()
    assert stored.result(one, Run()) is None
    stored.save(one, report(), one.notebook)
    found, notebook = stored.result(examination(), Run())
    assert (found, notebook) == (report(), one.notebook)


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"checkpoints/a": b"2"}},
        {"files": {"checkpoints/b": b"1"}},
        {"notebook": "x = 2"},
        {"unjudged": {"vae": NotGraded("damaged")}},
        {"call_timeout_s": 11},
        {"dataset": "glyphs"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_decides_makes_another_examination(examination, change):
    """Another notebook, file or limit: nothing that is kept is taken."""
    stored.save(examination(), report(), examination().notebook)
    assert stored.result(examination(**change), Run()) is None


def test_another_secret_makes_another_examination(examination):
    """Inputs are drawn from the course's secret."""
    one = examination()
    stored.save(one, report(), one.notebook)
    other = Course(course_id="c", assignments=("vae",), secret="t").model_copy(update={"root": one.course.root})
    assert one.digest != Examination(other, one.notebook, one.files, "ada", "vae", "vae", {}).digest


def test_what_changes_no_result_makes_no_other_examination(examination):
    """The gradebook's place, or what feedback shows, decides nothing of an examination."""
    assert examination().digest == examination(gradebook="sqlite:///other.db", show_mark_schemes=True).digest


def test_what_was_not_graded_is_tried_again_by_the_next_run(examination):
    """A result without a score counts in the run that found it, and in no later one."""
    one = examination()
    stored.save(one, report(None), one.notebook)
    assert stored.result(one, Run()) is None
    assert stored.result(one, Run(examined={one.digest}))[0] == report(None)


def test_force_takes_only_what_its_own_run_found(examination):
    """A run that examines anew takes no earlier result."""
    one = examination()
    stored.save(one, report(), one.notebook)
    assert stored.result(one, Run(anew=True)) is None
    assert stored.result(one, Run(anew=True, examined={one.digest})) is not None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"digest": 1}', '{"digest": "DIGEST", "report": 3, "notebook": 4}']
)
def test_damaged_result_is_none(examination, text):
    """A file that cannot be read, or is no result, counts as none."""
    one = examination()
    one.path.parent.mkdir(parents=True)
    one.path.write_text(text.replace("DIGEST", one.digest))
    assert stored.result(one, Run()) is None
    assert stored.report(one.path) is None


def test_kept_result_is_whole_or_absent(examination, monkeypatch):
    """What fails while it is written leaves the result before as it was, and no half file."""
    one = examination()
    stored.save(one, report(), one.notebook)

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(json, "dump", full)
    with pytest.raises(OSError, match="No space"):
        stored.save(one, report(0.5), one.notebook)
    monkeypatch.undo()
    assert stored.result(one, Run())[0] == report()
    assert [path.name for path in one.path.parent.iterdir()] == ["vae.json"]


def test_job_holds_the_whole_examination(examination):
    """What a job's file says is what was to be examined: files, reasons, configuration and secret, for this user alone."""
    one = examination(
        files={"checkpoints/é.safetensors": bytes(range(256)), "own.py": b""},
        unjudged={"vae": StudentError("other network"), "iwae": NotGraded("damaged")},
        call_timeout_s=3,
    )
    made = job.write(one)
    read = job.read(made.path)
    assert (read.digest, read.notebook, dict(read.files)) == (one.digest, one.notebook, dict(one.files))
    assert {name: (type(why), str(why)) for name, why in read.unjudged.items()} == {
        "vae": (StudentError, "other network"),
        "iwae": (NotGraded, "damaged"),
    }
    assert read.course.key == "s"
    assert read.course.call_timeout_s == 3
    assert made.path.stat().st_mode & 0o077 == 0


def test_job_ignores_the_environment_of_another_machine(examination, monkeypatch):
    """The configuration is the one of the run that wrote the job."""
    made = job.write(examination(call_timeout_s=3))
    monkeypatch.setenv("COURSE_CALL_TIMEOUT_S", "99")
    assert job.read(made.path).course.call_timeout_s == 3


def test_what_a_run_knows_stays_its_own_from_one_notebook_to_the_next():
    """A preprocessor of nbgrader's exporter, which copies what it is given, adds to the run itself: no report is read twice."""
    run, found = Run(), []

    class Adds(NotebookExporter):
        def _init_preprocessors(self):
            self._preprocessors = [
                lambda nb, resources: (found.append(resources["nbgrader"]["run"]), (nb, resources))[1]
            ]

    for _ in range(2):
        Adds().from_notebook_node(nbformat.v4.new_notebook(), resources={"nbgrader": {"run": run}})
    assert [one is run for one in found] == [True, True]
