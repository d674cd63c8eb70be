"""The command line: the doctor, the table of grades, and what a wrong configuration says."""

import os
import shutil
import sqlite3
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from nbformat import NotebookNode
from nbgrader.apps import zipcollectapp
from traitlets.config import Config

import lab
from autograder import __main__, course, doctor, publish
from autograder.course import ConfigError, Course
from autograder.door import configure, database
from autograder.door.attach import AttachLab
from autograder.reporting import grades
from autograder.reporting.report import Mark, Outcome, Report
from autograder.sandbox import levels
from autograder.sandbox.limits import ControlGroup
from autograder.trained import gates, reference, study, tables

VARIABLES = ("COURSE_DATASET", "COURSE_DATA", "COURSE_BUDGET", "COURSE_DEVICE", "COURSE_SEED")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Nothing is said about the course but what the test says."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A course's folder, where the commands run, on embedded data."""
    shutil.copy(course.ROOT / "course_config.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_DATASET", "glyphs")
    monkeypatch.setenv("COURSE_BUDGET", "quick")
    return tmp_path


def configured(root, **values):
    """Return a course in a folder."""
    return Course(**{"course_id": "t", "assignments": ("vae",), "dataset": "glyphs"} | values).model_copy(
        update={"root": root}
    )


# --- doctor ----------------------------------------------------------------------------------------


def test_doctor_says_a_line_for_each_check(folder, capsys, monkeypatch):
    """Each check has one line, and the exit status says whether grading can start."""
    monkeypatch.setattr(doctor, "_reference", lambda course: "there")
    assert __main__.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [name for name, _ in doctor.checks(configured(folder))]
    assert {line.split()[0] for line in lines} == {"ok"}
    assert "ok       data       glyphs: 1000 test images" in lines
    assert not (folder / "gradebook.db").exists()


def test_doctor_goes_on_after_a_problem(folder, capsys, monkeypatch):
    """A problem is named with what to do, the other checks still run, and the exit status is 1."""
    monkeypatch.setattr(gates.results, "load", lambda path: {})
    assert __main__.main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    problem = [line for line in lines if line.startswith("PROBLEM")]
    assert len(problem) == 1
    assert "reference" in problem[0]
    assert "run `make reference`" in problem[0]
    assert lines[-1].startswith("ok       disk")


def test_doctor_adds_up_what_is_trained_again(tmp_path, monkeypatch):
    """Where training is repeated, each limit has to allow for the fastest reference run of every model of an assignment."""
    runs = {("vae_k1", 0): 700, ("vae_k1", 1): 10, ("iwae_k5", 0): 30, ("vae", 0): 5000}
    records = {
        f"glyphs/quick/{model}/connected/seed{seed}": {"training_seconds": s} for (model, seed), s in runs.items()
    }
    monkeypatch.setattr(gates.results, "load", lambda path: records)

    def said(**values):
        values = {"assignments": ("iwae",), "budget": "quick", "training": "retrain", "cell_timeout_s": 40} | values
        return dict(doctor.checks(configured(tmp_path, **values)))["training"]()

    assert "40 s for iwae" in said()
    assert "nothing is trained" in said(training="weights", cell_timeout_s=1)
    with pytest.raises(ConfigError, match="iwae took 40 s .* but cell_timeout_s is 39, cpu_limit_s is 20: raise"):
        said(cell_timeout_s=39, cpu_limit_s=20)


def test_doctor_names_missing_data(tmp_path):
    """A data set that is not there is a problem with its remedy, not a traceback."""

    def missing(*args, **kwargs):
        raise lab.DataError("mnist is not in data:\n  run `make data`")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lab, "load", missing)
        with pytest.raises(ConfigError, match="mnist is not in data: run `make data`"):
            dict(doctor.checks(configured(tmp_path)))["data"]()


def test_doctor_refuses_cuda_without_a_gpu(tmp_path, monkeypatch):
    """Asking for a GPU that is not there is a problem; `auto` is not."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "processor" in dict(doctor.checks(configured(tmp_path)))["gpu"]()
    with pytest.raises(ConfigError, match="device is 'cuda', but torch finds no GPU.*set device = 'auto'"):
        dict(doctor.checks(configured(tmp_path, device="cuda")))["gpu"]()


def test_doctor_warns_of_the_missing_sandbox(tmp_path):
    """Grading without isolation is said, with the level that would work here."""
    said = dict(doctor.checks(configured(tmp_path, sandbox="none")))["sandbox"]()
    assert "do not grade submissions of people you do not trust" in said
    assert "set sandbox = " in said or "apt-get install" in said


def test_doctor_says_what_limits_a_kernel(tmp_path, monkeypatch):
    """The level that is configured is named, and who counts memory and processes."""
    monkeypatch.setattr(levels, "unusable", lambda level: None)
    group = []
    monkeypatch.setattr(ControlGroup, "create", lambda limits: group[0] if group else None)
    check = dict(doctor.checks(configured(tmp_path)))["sandbox"]
    assert check().startswith("level 'bubblewrap'; memory and processes are limited by a watchdog")
    group.append(ControlGroup({}))
    assert "limited by a control group" in check()


def test_level_that_does_not_work_is_a_problem_and_stops_grading(tmp_path, monkeypatch):
    """A level that cannot be used here is never replaced by a weaker one."""
    monkeypatch.setattr(levels, "unusable", lambda level: "bwrap is away: install it")
    with pytest.raises(ConfigError, match="level 'bubblewrap': bwrap is away: install it"):
        dict(doctor.checks(configured(tmp_path)))["sandbox"]()
    course = configured(tmp_path)
    released = tmp_path / "release" / "vae"
    released.mkdir(parents=True)
    (released / "vae.ipynb").touch()
    folder = SimpleNamespace(
        release_directory="release",
        assignment_id="vae",
        format_path=lambda *parts: str(released),
        db_url=course.gradebook,
    )
    with pytest.raises(ConfigError, match="sandbox = 'bubblewrap': bwrap is away"):
        doctor.preflight(course, folder)


def test_doctor_names_a_full_disk(tmp_path, monkeypatch):
    """Too little room is a problem."""
    monkeypatch.setattr(doctor, "MIN_FREE_GIB", 10**9)
    with pytest.raises(ConfigError, match="GiB free; at least 1000000000 are needed"):
        dict(doctor.checks(configured(tmp_path)))["disk"]()


@pytest.mark.parametrize("problem", ["folder", "garbage", "locked", "is-folder"])
def test_gradebook_that_cannot_be_written_is_named(tmp_path, monkeypatch, problem):
    """A gradebook in no folder, of another format, held by another program or that is a folder is a problem."""
    monkeypatch.setattr(doctor, "LOCK_S", 0)
    path = tmp_path / "gradebook.db"
    url = "sqlite:///nowhere/gradebook.db" if problem == "folder" else "sqlite:///gradebook.db"
    holder = sqlite3.connect(path if problem == "locked" else ":memory:", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    if problem == "garbage":
        path.write_bytes(b"not a database" * 100)
    if problem == "is-folder":
        path.mkdir()
    try:
        with pytest.raises(ConfigError, match="gradebook gradebook.db: cannot be written"):
            dict(doctor.checks(configured(tmp_path, gradebook=url)))["gradebook"]()
    finally:
        holder.close()


def test_gradebook_check_changes_nothing(tmp_path):
    """An existing gradebook keeps its content, and none is made where there was none."""
    check = dict(doctor.checks(configured(tmp_path)))["gradebook"]
    assert check() == "gradebook.db, writable"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "gradebook.db").touch()
    assert check() == "gradebook.db, writable"
    assert [file.name for file in tmp_path.iterdir()] == ["gradebook.db"]


def test_gradebook_on_a_server_is_named_without_its_password(tmp_path):
    """A database of another kind is taken as it is, and its password is not shown."""
    check = dict(doctor.checks(configured(tmp_path, gradebook="postgresql://me:hush@host/grades")))["gradebook"]
    assert check() == "host/grades"


def test_preflight_needs_a_release(tmp_path):
    """Grading does not start before there is something to compare with."""
    coursedir = SimpleNamespace(
        release_directory="release",
        assignment_id="vae",
        db_url=f"sqlite:///{tmp_path}/gradebook.db",
        format_path=lambda step, student, assignment: str(tmp_path / step / assignment),
    )
    with pytest.raises(
        ConfigError, match="release/vae: no notebook there; run `nbgrader generate_assignment vae` first"
    ):
        doctor.preflight(configured(tmp_path), coursedir)
    (tmp_path / "release" / "vae").mkdir(parents=True)
    (tmp_path / "release" / "vae" / "vae.ipynb").touch()
    doctor.preflight(configured(tmp_path), coursedir)


# --- assignments and reference ---------------------------------------------------------------------


def test_assignments_are_printed_one_a_line(folder, capsys, monkeypatch):
    """What Makefile words loop over is the course's list, in its order."""
    monkeypatch.setenv("COURSE_ASSIGNMENTS", '["vae", "priors"]')
    assert __main__.main(["assignments"]) == 0
    assert capsys.readouterr().out == "vae\npriors\n"


@pytest.mark.parametrize(
    ("only", "made"),
    [
        ([], ["module vae", "notebook vae", "module priors", "notebook priors", "runs", "studies", "tables"]),
        (["--only", "modules"], ["module vae", "module priors"]),
        (["--only", "notebooks"], ["notebook vae", "notebook priors"]),
        (["--only", "runs"], ["runs", "studies", "tables"]),
        (["--only", "tables"], ["tables"]),
    ],
    ids=["all", "modules", "notebooks", "runs", "tables"],
)
def test_reference_is_made_for_every_assignment(folder, monkeypatch, only, made):
    """`reference` makes all, or the part that is asked for, of all assignments of the course."""
    done = []
    monkeypatch.setenv("COURSE_ASSIGNMENTS", '["vae", "priors"]')
    monkeypatch.setattr(publish, "write_module", lambda name: done.append(f"module {name}"))
    monkeypatch.setattr(publish, "write_notebook", lambda name, course: done.append(f"notebook {name}"))
    monkeypatch.setattr(reference, "run", lambda course: done.append("runs"))
    monkeypatch.setattr(study, "run", lambda course: done.append("studies"))
    monkeypatch.setattr(tables, "write", lambda: done.append("tables"))
    assert __main__.main(["reference", *only]) == 0
    assert done == made


# --- grades ----------------------------------------------------------------------------------------


def hand_out(folder, student, score, points=4.0, message="expected 4, got 3", reason=""):
    """Store a report."""
    status = "passed" if score == points else "failed"
    outcome = Outcome(cell="elbo", test="t", status=status, credit=0, weight=1, sentence="s", message=message)
    marks = {"elbo": Mark(points=points, score=score, reason=reason)}
    found = Report(student=student, assignment="vae", notebook="vae", marks=marks, outcomes=[outcome])
    return found.save(folder / "reports")


def test_grades_are_a_table_best_first(folder, capsys):
    """Students stand in order of score, with one line why; those not graded stand last."""
    hand_out(folder, "bob", 1.5)
    hand_out(folder, "ada-lovelace", 4.0)
    hand_out(folder, "eve", None, reason="vae.ipynb is not valid JSON")
    assert __main__.main(["grades", "vae"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table == grades.table(folder / "reports", "vae").splitlines()
    assert [line.split()[0] for line in table] == ["student", "ada-lovelace", "bob", "eve"]
    assert table[1].endswith("4 / 4  all automatic tests passed")
    assert table[2].endswith("1.5 / 4  elbo: expected 4, got 3")
    assert table[3].endswith("not graded  not graded: vae.ipynb is not valid JSON")


def test_grades_cut_and_clean_what_submissions_say(folder):
    """A message of a submission stays on its line and cannot steer the terminal."""
    hand_out(folder, "eve", 0.0, message="\x1b[2J\u202e" + "long " * 100)
    line = grades.table(folder / "reports", "vae").splitlines()[1]
    assert line.isprintable()
    assert len(line) < 140
    assert line.endswith("…")


def test_grades_name_what_is_flagged(folder):
    """Each flag stands once below the table, with the students it is about."""
    for student in ("ada", "bob"):
        path = hand_out(folder, student, 4.0)
        Report.load(path).model_copy(update={"flags": ["too good"]}).save(folder / "reports")
    assert grades.table(folder / "reports", "vae").splitlines()[-1] == "flagged: ada, bob: too good"


def test_grades_of_nothing_is_an_error(folder, capsys):
    """Before grading there is no table, and what to run is said."""
    assert __main__.main(["grades", "vae"]) == 2
    assert capsys.readouterr().err == "reports: no report of vae; run `nbgrader autograde vae` first\n"


def test_grades_name_a_damaged_report(folder, capsys):
    """A report that cannot be read is named."""
    hand_out(folder, "ada", 4.0).write_text("{")
    assert __main__.main(["grades", "vae"]) == 2
    assert "reports/ada/vae/vae.json: not a readable report; grade this student again" in capsys.readouterr().err


# --- compare ---------------------------------------------------------------------------------------


def test_gradings_are_compared_before_and_after(folder, capsys):
    """Who changed stands first with points, then tests; who did not is only counted, and so is who is there once."""
    for student, was, now in (("ada", 4.0, 4.0), ("bob", 1.5, 4.0), ("eve", 4.0, None), ("zoe", 4.0, 3.0)):
        hand_out(folder, student, was)
        hand_out(folder, student, now, reason="the machine was too slow")
    hand_out(folder, "new", 4.0)
    assert __main__.main(["compare", "vae"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "bob: 1.5 / 4 → 4 / 4  (+2.5)",
        "    elbo: t: failed → passed",
        "zoe: 4 / 4 → 3 / 4  (-1)",
        "    elbo: t: passed → failed",
        "eve: 4 / 4 → not graded",
        "    elbo: t: passed → failed",
        "4 graded twice: 3 changed (1 higher, 1 lower, 1 without a grade now).",
    ]


def test_gradings_in_two_folders_are_compared(folder, tmp_path, capsys):
    """Two folders of reports, such as a copy made before a change of the suite; students of one alone are named."""
    hand_out(folder, "ada", 1.0)
    hand_out(folder, "bob", 1.0)
    shutil.copytree(folder / "reports", tmp_path / "before")
    shutil.rmtree(folder / "reports" / "bob")
    hand_out(folder, "eve", 2.0)
    assert __main__.main(["compare", "vae", str(tmp_path / "before"), str(folder / "reports")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 graded twice: 0 changed.",
        "Only before: bob.",
        "Only after: eve.",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "reports: nothing of vae was graded twice, so there is nothing to compare"),
        (["reports"], "compare vae: expected two folders of reports, or none; got 1."),
        (["reports", "elsewhere"], "elsewhere: no report of vae; run `nbgrader autograde vae` first"),
    ],
)
def test_nothing_to_compare_is_an_error(folder, capsys, arguments, said):
    """What is missing is said in a line."""
    hand_out(folder, "ada", 1.0)
    assert __main__.main(["compare", "vae", *arguments]) == 2
    assert capsys.readouterr().err == f"{said}\n"


# --- configuration ---------------------------------------------------------------------------------


def test_wrong_configuration_is_exit_status_2(folder, capsys, monkeypatch):
    """Every command names a wrong value in one line and does nothing."""
    monkeypatch.setenv("COURSE_BUDGET", "huge")
    for command in (["doctor"], ["assignments"], ["grades", "vae"], ["reference"]):
        assert __main__.main(command) == 2
        out, error = capsys.readouterr()
        assert out == ""
        assert error.startswith("the environment variable COURSE_BUDGET: budget = 'huge': Input should be 'quick'")


@pytest.mark.parametrize("arguments", [[], ["grade"], ["grades"], ["reference", "--only", "all"]], ids=str)
def test_wrong_command_is_exit_status_2(arguments, capsys):
    """A command that does not exist, or lacks its argument, is answered with the usage."""
    with pytest.raises(SystemExit) as caught:
        __main__.main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m autograder" in capsys.readouterr().err


def test_commands_use_the_course_of_the_working_folder(folder, capsys, monkeypatch):
    """In a course's folder, that course is meant; its choices reach the lab."""
    monkeypatch.delenv("COURSE_DATASET")
    (folder / "course_config.py").write_text(
        "from autograder.course import Course\ncourse = Course(course_id='mine', assignments=('vae',), dataset='glyphs')\n"
    )
    assert __main__.main(["grades", "vae"]) == 2
    assert os.environ["COURSE_DATASET"] == "glyphs"
    assert os.environ["COURSE_DATA"] == str(folder / "data")


def test_nbgrader_ends_at_a_wrong_configuration(folder, monkeypatch):
    """nbgrader stops with the line that names the key, before it does anything."""
    monkeypatch.setenv("COURSE_CALL_TIMEOUT_S", "0")
    with pytest.raises(SystemExit, match="COURSE_CALL_TIMEOUT_S: call_timeout_s = '0': Input should be greater than 0"):
        configure.configure(Config(), folder)


def test_nbgrader_gets_the_courses_values(folder):
    """nbgrader works in the course's folder, with its gradebook and our classes."""
    config = Config()
    configure.configure(config, folder)
    assert (config.CourseDirectory.root, config.CourseDirectory.db_url) == (
        str(folder),
        f"sqlite:///{folder}/gradebook.db?timeout={database.TIMEOUT_S}",
    )
    assert "autograder.door.preprocessors.Examine" in config.Autograde.autograde_preprocessors
    assert AttachLab(config=config).course.root == folder


def test_nbgrader_without_the_courses_file_says_so():
    """Our classes under another configuration refuse to work."""
    with pytest.raises(RuntimeError, match="run nbgrader in the course's folder"):
        AttachLab(config=Config()).preprocess(NotebookNode(), {"nbgrader": {"assignment": "vae"}})


def test_nbgrader_that_lacks_what_is_replaced_is_refused(monkeypatch):
    """What nbgrader no longer has would never be called in ours: it is named, with the version."""
    monkeypatch.delattr(zipcollectapp.ZipCollectApp, "_transfer_files")
    with pytest.raises(RuntimeError, match=r"nbgrader \d.* has no ZipCollectApp._transfer_files: install"):
        configure.patch_nbgrader()


def test_grades_of_an_unknown_assignment_names_those_of_the_course(folder, capsys):
    """A slip of the pen is answered with what there is."""
    assert __main__.main(["grades", "vea"]) == 2
    assert (
        capsys.readouterr().err
        == "grades vea: the course has no such assignment; it has vae, priors, iwae, gaps. Did you mean vae?\n"
    )


@pytest.mark.parametrize("students", [1, 2000], ids=["a short table", "a long table"])
def test_reader_that_leaves_early_ends_the_command_quietly(folder, students):
    """`grades | head` prints no traceback, whether the table is still in the buffer or on its way."""
    for number in range(students):
        mark = {"elbo": Mark(points=1, score=1)}
        Report(student=f"student{number}", assignment="vae", notebook="vae", marks=mark).save(folder / "reports")
    environment = os.environ | {"PYTHONPATH": str(course.ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "autograder", "grades", "vae"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    assert process.communicate()[1] == ""
    assert process.returncode == 0
