"""A newcomer's first hour: the README's steps in a fresh clone, what is graded again, Ctrl-C, and what leaves the kit."""

import csv
import json
import os
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psutil
import pytest
import safetensors.torch
import torch
from nbgrader.api import Gradebook

import lab
from autograder.reporting.report import Report
from autograder.trained import weights
from tests.conftest import CHOICES, ROOT, TemporaryCourse

README = (ROOT / "README.md").read_text(encoding="utf-8")
SLEEPS = "def kl_standard_normal(mu, log_var):\n    import time\n    time.sleep(8)"


@pytest.fixture
def released(once):
    """Return a function that makes a temporary course with a release and its entry in the gradebook."""

    def release(folder):
        TemporaryCourse(folder / "course").nbgrader("generate_assignment", "vae")

    made = once("released", release) / "course"

    def copy(folder):
        course = TemporaryCourse.__new__(TemporaryCourse)
        course.folder = folder
        shutil.copytree(made, folder)
        return course

    return copy


@pytest.fixture
def course(tmp_path, released):
    """A temporary course with a release and a gradebook."""
    return released(tmp_path / "course")


def report(course, student):
    """Return a student's stored report."""
    return Report.load(course.folder / "reports" / student / "vae" / "vae.json")


def exported(course):
    """Return the rows of `nbgrader export` by student."""
    course.nbgrader("export", "--to", "grades.csv")
    with (course.folder / "grades.csv").open() as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def examined(log):
    """Return the students whose submission a run examined."""
    return set(re.findall(r"INFO\] (\S+): .* \(\d+ of \d+", log))


def empty(course):
    """Return a notebook that is read and graded at once: the release without anything that runs."""
    notebook = course.notebook("release")
    notebook.cells = []
    return notebook


# --- the steps of the README ----------------------------------------------------------------------------------------


def steps():
    """Return the commands of the README's steps for instructors, by the number of the step."""
    section = README.split("\n## For instructors\n")[1].split("\n## ")[0]
    found = {}
    for number, text in re.findall(r"^(\d)\. (.*?)(?=^\d\. |^\*\*|\Z)", section, re.DOTALL | re.MULTILINE):
        found[number] = [
            line.strip() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
        ]
    return found


@pytest.fixture(scope="module")
def clone(once):
    """A fresh clone in which somebody ran the README's steps as they are written, and what was printed."""

    def follow(folder):
        course = folder / "course"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(course)], check=True)
        (course / ".venv" / "bin").mkdir(parents=True)  # this environment: making another takes minutes and the network
        (course / ".venv" / "bin" / "activate").symlink_to(Path(sys.prefix, "bin", "activate"))
        (course / ".venv" / "ready").touch()
        handed_in = course / "submitted" / "ada" / "vae"
        shutil.copytree(course / "release" / "vae", handed_in)
        (course / "submitted" / "bob" / "vae").mkdir(parents=True)
        (course / "submitted" / "bob" / "vae" / "vae.ipynb").write_text("no notebook")
        commands = [line for number in "1234" for line in steps()[number]] + steps()["5"]
        program = "\n".join(["set -e -x", *commands])
        done = subprocess.run(
            ["bash", "-c", program],
            cwd=course,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | CHOICES,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1200,
        )
        (folder / "log").write_text(done.stdout)
        (folder / "status").write_text(str(done.returncode))

    return once("clone", follow)


def test_readme_has_commands_in_every_step():
    """Each of the instructor's steps has commands that can be copied into a terminal."""
    assert sorted(steps()) == ["1", "2", "3", "4", "5"]
    assert all(steps().values())
    commands = "\n".join(line for lines in steps().values() for line in lines)
    for word in ("make setup", "doctor", "generate_assignment vae", "autograde vae", "generate_feedback vae", "export"):
        assert word in commands, word


@pytest.mark.slow
def test_readme_steps_work_in_a_fresh_clone(clone):
    """As written, they end well, without a traceback, with a gradebook, feedback and grades."""
    log = (clone / "log").read_text()
    assert (clone / "status").read_text() == "0", log[-3000:]
    assert "Traceback" not in log
    assert (clone / "course" / "gradebook.db").is_file()
    assert {path.parts[-3] for path in (clone / "course" / "feedback").glob("*/vae/vae.html")} == {"ada", "bob"}
    with (clone / "course" / "grades.csv").open() as file:
        scores = {row["student_id"]: row["score"] for row in csv.DictReader(file) if row["assignment"] == "vae"}
    assert scores == {"ada": "0.0", "bob": ""}
    assert re.search(r"^ada +0 / 32", log, re.MULTILINE)


@pytest.mark.slow
def test_steps_leave_the_clone_as_it_was(clone):
    """Nothing that git knows is changed by them."""
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=clone / "course", capture_output=True, text=True, check=True
    )
    assert [line for line in done.stdout.splitlines() if ".venv" not in line and "grades.csv" not in line] == []


# --- the gradebook's entry ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_missing_entry_is_made_before_grading(course):
    """A release without a gradebook, as a clone has it, can be graded."""
    (course.folder / "gradebook.db").unlink()
    course.hand_in("ada", b"no notebook")
    log = course.nbgrader("autograde", "vae")
    assert "The gradebook had no entry of vae; it was made from source/vae" in log
    assert "Traceback" not in log
    assert not report(course, "ada").graded


@pytest.mark.slow
def test_release_that_differs_from_its_source_is_named(course):
    """Where the entry is made from a source that has changed since the release, a line says so, with the command."""
    (course.folder / "gradebook.db").unlink()
    path = course.folder / "source" / "vae" / "vae.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += "\n\nA new sentence."
    nbformat.write(notebook, path)
    log = course.nbgrader("generate_assignment", "vae")
    assert "release/vae/vae.ipynb is not what source/vae makes today" in log
    assert "`nbgrader generate_assignment vae --force`" in log


@pytest.mark.slow
def test_entry_that_cannot_be_made_is_one_line_with_the_command(course):
    """Without a source there is nothing to make it from; that is said once, without a traceback."""
    (course.folder / "gradebook.db").unlink()
    shutil.rmtree(course.folder / "source" / "vae")
    course.hand_in("ada", b"no notebook")
    log = course.nbgrader("autograde", "vae", status=1)
    assert "Traceback" not in log
    (line,) = [line for line in log.splitlines() if "ERROR" in line]
    assert "no entry of vae" in line
    assert "`nbgrader generate_assignment vae --force`" in line


@pytest.mark.slow
def test_release_of_other_data_is_named(course):
    """A release that stays as it is, and carries another data set than the course, is named."""
    log = course.nbgrader("generate_assignment", "vae", COURSE_DATASET="mnist", COURSE_BUDGET="standard")
    assert "stays as it is" in log
    assert "the course mnist at standard" in log
    assert "stays as it is. To make it anew" in course.nbgrader("generate_assignment", "vae")


# --- what is graded again -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_plain_run_examines_what_is_new_changed_or_without_a_grade(course):
    """What has its grade is skipped, and named once with the option that would not skip it; all else is examined."""
    course.hand_in("ada", empty(course))
    course.hand_in("bob", empty(course))
    course.hand_in("cyd", b"no notebook")
    assert examined(course.nbgrader("autograde", "vae")) == {"ada", "bob", "cyd"}
    assert (report(course, "ada").graded, report(course, "cyd").graded) == (True, False)
    with sqlite3.connect(course.folder / "gradebook.db") as gradebook:  # a person's score of a written answer
        (cell,) = gradebook.execute(
            "SELECT id FROM base_cell WHERE name = 'written_elbo' AND type = 'GradeCell'"
        ).fetchone()
        gradebook.execute("UPDATE grade SET manual_score = 0.5 WHERE cell_id = ?", [cell])
    changed = course.folder / "submitted" / "bob" / "vae" / "vae.ipynb"
    changed.write_bytes(changed.read_bytes() + b"\n")
    log = course.nbgrader("autograde", "vae")
    assert examined(log) == {"bob", "cyd"}
    (line,) = [line for line in log.splitlines() if "Skipped" in line]
    assert "ada" in line
    assert "--force" in line
    with sqlite3.connect(course.folder / "gradebook.db") as gradebook:
        scores = gradebook.execute("SELECT manual_score FROM grade WHERE cell_id = ?", [cell]).fetchall()
    assert scores == [(0.5,)] * 3
    (course.folder / "submitted" / "cyd" / "vae" / "vae.ipynb").write_text(nbformat.writes(empty(course)))
    (course.folder / "submitted" / "ada" / "vae" / "timestamp.txt").write_text("2026-01-01 10:00:00 UTC")
    assert examined(course.nbgrader("autograde", "vae")) == {"ada", "cyd"}
    assert report(course, "cyd").graded
    assert examined(course.nbgrader("autograde", "vae", "--student", "ada", "--force")) == {"ada"}
    shutil.rmtree(course.folder / "reports" / "bob")
    assert examined(course.nbgrader("autograde", "vae")) == {"bob"}


@pytest.mark.slow
def test_feedback_is_made_anew_where_anything_it_shows_has_changed(course):
    """A score by hand, a comment, another notebook: that page alone; the others are named, with the option that makes them, too."""

    def made():
        before = {page: page.stat().st_mtime_ns for page in course.folder.glob("feedback/*/vae/vae.html")}
        log = course.nbgrader("generate_feedback", "vae")
        after = {page: page.stat().st_mtime_ns for page in course.folder.glob("feedback/*/vae/vae.html")}
        return log, {page.parts[-3] for page, time in after.items() if before.get(page) != time}

    for student in ("ada", "bob", "cyd"):
        course.hand_in(student, b"no notebook")
    course.nbgrader("autograde", "vae")
    assert made()[1] == {"ada", "bob", "cyd"}
    log, again = made()
    assert again == set()
    (line,) = [line for line in log.splitlines() if "Up to date" in line]
    assert "ada, bob, cyd" in line
    assert "`nbgrader generate_feedback vae --force`" in line
    with Gradebook(f"sqlite:///{course.folder}/gradebook.db", "vae") as gradebook:
        gradebook.find_submission_notebook("vae", "vae", "ada").grades[0].manual_score = 1.0
        gradebook.find_submission_notebook("vae", "vae", "bob").comments[0].manual_comment = "Well done."
        gradebook.db.commit()
    log, again = made()
    assert again == {"ada", "bob"}
    assert "vae: 2 pages made, 1 up to date" in log
    page = course.folder / "feedback" / "cyd" / "vae" / "vae.html"
    page.unlink()
    assert made()[1] == {"cyd"}


@pytest.mark.slow
def test_gradebook_that_is_locked_is_waited_for(course):
    """Another program that writes for a while costs nobody anything."""
    course.hand_in("ada", b"no notebook")
    course.hand_in("bob", b"no notebook")
    held = threading.Thread(target=hold, args=(course.folder, lambda: time.sleep(12)))
    held.start()
    log = course.nbgrader("autograde", "vae")
    held.join()
    assert examined(log) == {"ada", "bob"}
    assert "Traceback" not in log


@pytest.mark.slow
def test_gradebook_that_stays_locked_costs_a_submission_and_not_the_run(course):
    """What could not be stored is not graded, with the reason, the run goes on, and the next plain one grades it."""
    for student in ("ada", "bob"):
        course.hand_in(student, empty(course))
    (course.folder / "nbgrader_config.py").write_text(
        (course.folder / "nbgrader_config.py").read_text()
        + "\nget_config().CourseDirectory.db_url = get_config().CourseDirectory.db_url.partition('?')[0] + '?timeout=1'\n"  # fmt: skip
    )
    ended = threading.Event()
    held = threading.Thread(target=hold, args=(course.folder, ended.wait))
    held.start()
    log = course.nbgrader("autograde", "vae", status=1)
    ended.set()
    held.join()
    assert "upgrade" not in log
    assert "Traceback" not in log
    for student in ("ada", "bob"):
        assert "in use by another program" in report(course, student).line()
    assert examined(course.nbgrader("autograde", "vae")) == {"ada", "bob"}
    assert all(report(course, student).graded for student in ("ada", "bob"))


def hold(folder, wait):
    """Write to the gradebook from the first report on, until a wait is over."""
    while not list(folder.glob("reports/*/vae/vae.json")):
        time.sleep(0.02)
    gradebook = sqlite3.connect(folder / "gradebook.db", isolation_level=None, timeout=30)
    gradebook.execute("BEGIN EXCLUSIVE")
    wait()
    gradebook.execute("ROLLBACK")
    gradebook.close()


# --- Ctrl-C ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "after_s"),
    [("[AutogradeApp | INFO]", 0), ("Autograding", 2), ("gaussian_log_prob: test_", 1)],
    ids=["at the start", "while the notebook runs", "in a hidden test"],
)
def test_interrupt_ends_the_run_in_one_line(course, request, line, after_s):
    """Exit status 130, one line, no grade, no kernel and no folder left; the next plain run goes on where it stopped."""
    course.hand_in("ada", empty(course))
    course.nbgrader("autograde", "vae")
    notebook = course.notebook("release")
    for cell in notebook.cells:
        cell.source = SLEEPS if cell.id == "kl_standard_normal" else cell.source
    if line == "Autograding":
        notebook.cells.insert(0, nbformat.v4.new_code_cell("import time\ntime.sleep(60)"))
    course.hand_in("bob", notebook)
    course.hand_in("cyd", b"no notebook")
    temporary = Path(tempfile.mkdtemp())  # a short name: with a long one, sockets lie elsewhere
    request.addfinalizer(lambda: shutil.rmtree(temporary))
    process = subprocess.Popen(
        [sys.executable, "-m", "nbgrader", "autograde", "vae", "--debug"],  # to see when it is where
        cwd=course.folder,
        env=os.environ | CHOICES | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # where the tests run in the background it is ignored
    )
    log = []
    while line not in (log or [""])[-1]:
        log.append(process.stdout.readline())
        assert log[-1], "".join(log)
    time.sleep(after_s)
    started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    rest = process.communicate(timeout=60)[0]
    assert time.monotonic() - sent < 10
    assert process.returncode == 130, rest
    (said,) = [text for text in rest.splitlines() if "Stopped" in text]
    assert "Traceback" not in rest
    assert "error of the grader" not in rest
    left = {path.name for path in temporary.iterdir()}
    assert {name for name in left if name.startswith(("vae-", "submitted-", "release-"))} == set(), left
    assert [child for child in started if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    assert not (course.folder / "reports" / "bob").exists()
    assert not (course.folder / "reports" / "cyd").exists()
    if after_s:
        assert "0 graded in this run, bob was not finished" in said
        assert exported(course)["bob"]["score"] == ""
        (course.folder / "submitted" / "bob" / "vae" / "vae.ipynb").write_text(nbformat.writes(empty(course)))
    else:
        (course.folder / "submitted" / "bob" / "vae" / "vae.ipynb").write_text("nothing")
    assert examined(course.nbgrader("autograde", "vae")) == {"bob", "cyd"}


# --- what leaves the kit --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_not_graded_is_no_zero_in_any_file(course):
    """Blank in the export, and in words on the feedback page: for an unreadable notebook, and for one never handed in."""
    course.hand_in("ada", empty(course))
    course.hand_in("O'Brien, Zoe", b"no notebook")
    course.nbgrader("db", "student", "add", "eve")
    course.nbgrader("autograde", "vae")
    course.nbgrader("generate_feedback", "vae")
    rows = exported(course)
    header = (course.folder / "grades.csv").read_text().splitlines()[0]
    assert header == (
        "assignment,duedate,timestamp,student_id,last_name,first_name,email,raw_score,late_submission_penalty,score,max_score"
    )
    assert [rows["ada"][name] for name in ("raw_score", "score", "max_score")] == ["0.0", "0.0", "40.0"]
    for student in ("O'Brien, Zoe", "eve"):
        assert [rows[student][name] for name in ("raw_score", "late_submission_penalty", "score")] == ["", "", ""]
        assert rows[student]["max_score"] == "40.0"
    page = (course.folder / "feedback" / "O'Brien, Zoe" / "vae" / "vae.html").read_text()
    assert "<strong>not graded</strong>" in page
    assert not re.search(r"\b0 of \d", page)
    page = (course.folder / "feedback" / "ada" / "vae" / "vae.html").read_text()
    assert "<strong>0 of 40 points" in page


@pytest.mark.slow
def test_notebook_at_the_wrong_place_is_named(course):
    """One level too high, without a student, or in the wrong order: a line says what to do, and `grades` the first."""
    for place in ("hal", ".", "vae/kim"):
        path = course.folder / "submitted" / place / "vae.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(nbformat.writes(empty(course)))
    log = course.nbgrader("autograde", "vae")
    said = [line for line in log.splitlines() if "submitted/" in line and "ove it" in line]
    for move in ("submitted/hal/vae/", "submitted/<student>/vae/vae.ipynb", "submitted/kim/vae/"):
        assert any(move in line for line in said), move
    table = course.run("autograder", "grades", "vae")
    assert re.search(r"^hal +not graded +not graded: vae.ipynb lies one level too high", table, re.MULTILINE)
    assert exported(course)["hal"]["score"] == ""
    (course.folder / "submitted" / "hal" / "vae").mkdir()
    (course.folder / "submitted" / "hal" / "vae.ipynb").rename(
        course.folder / "submitted" / "hal" / "vae" / "vae.ipynb"
    )
    assert examined(course.nbgrader("autograde", "vae")) == {"hal"}
    assert report(course, "hal").graded


# --- what a checkpoint says about itself ----------------------------------------------------------------------------


def described(**said):
    """Return a checkpoint with a line of weights whose metadata says something of its run."""
    return safetensors.torch.save({"w": torch.zeros(1)}, metadata={"lab": json.dumps(said)})


GLYPHS = described(history={"dataset": "glyphs"})
MNIST = described(history={"dataset": "mnist"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GLYPHS, "glyphs"),
        (described(history={"dataset": "imagenet"}), None),
        (described(history={"dataset": ["glyphs"]}), None),
        (described(history=None), None),
        (safetensors.torch.save({"w": torch.zeros(1)}), None),
        (GLYPHS[:40], None),
        (b"", None),
        (struct.pack("<Q", 2**62) + GLYPHS[8:], None),
        (struct.pack("<Q", 200_000) + b'{"__metadata__":' + b"[" * 199_000, None),
    ],
    ids=["ours", "unknown", "no text", "no history", "no metadata", "cut off", "empty", "huge header", "deep header"],
)
def test_checkpoint_says_its_data_set_or_nothing(content, said):
    """Only the name of one of our data sets is taken from a file, whatever else it holds; no header is too long or too deep."""
    assert weights.dataset(content) == said


@pytest.mark.parametrize(
    ("files", "model", "told"),
    [
        ({"checkpoints/vae_k1_epochs6_seed0.safetensors": GLYPHS}, "vae", "trained on the data set glyphs"),
        ({"vae_k1_epochs30_seed7.safetensors": GLYPHS}, "vae_k1", "trained on the data set glyphs"),
        ({"iwae_k5_epochs6_seed0.safetensors": GLYPHS}, "iwae_k5", "trained on the data set glyphs"),
        ({"iwae_k50_epochs6_seed0.safetensors": GLYPHS}, "iwae_k5", ""),
        ({"vae_k1_epochs6_seed0.safetensors": MNIST}, "vae", ""),
        ({"vae_k1_epochs6_seed0.safetensors": b"damaged"}, "vae", ""),
        ({"vae_k1_epochs6_seed0.safetensors": GLYPHS, "vae_k1_epochs6_seed1.safetensors": MNIST}, "vae", ""),
        ({}, "vae", ""),
    ],
    ids=["vae", "another seed", "iwae", "another K", "the course's", "damaged", "one is right", "none"],
)
def test_model_of_another_data_set_is_not_judged(files, model, told):
    """It is told apart by what the checkpoints of its name say; a file that says nothing is judged as it is."""
    course = SimpleNamespace(dataset="mnist")
    assert told in (said := weights.foreign(files, model, course))
    assert bool(said) == bool(told)


@pytest.mark.slow
def test_checkpoint_of_another_data_set_costs_nothing_and_is_named(course, checkpoint):
    """The exercise of the trained model is not graded, with the reason; the others are, and nobody says `Train longer`."""
    right = {cell.id: cell.source for cell in course.notebook("source").cells}
    notebook = course.notebook("release")
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "code":
            cell.source = right[cell.id]
    path = course.hand_in("ada", notebook, checkpoint).parent / "checkpoints" / checkpoint.name
    tensors, metadata = lab.checkpoints.read(path)
    metadata["history"]["dataset"] = "fashion"
    lab.checkpoints.write(path, tensors, metadata)
    course.nbgrader("autograde", "vae")
    found = report(course, "ada")
    assert {cell for cell, mark in found.marks.items() if mark.score is None} == {"trained_vae"}
    assert "trained on the data set fashion, and this course has glyphs" in found.marks["trained_vae"].reason
    assert sum(mark.points - mark.score for cell, mark in found.marks.items() if cell != "trained_vae") == 0
    assert "onger" not in found.model_dump_json()


# --- what the system has to have ------------------------------------------------------------------------------------


@pytest.fixture
def bare(tmp_path):
    """Return a function that runs a word of the Makefile in a copy where the system has only some programs."""
    (tmp_path / "bin").mkdir()
    for name in ("Makefile", "system.sh", "course_config.py", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)

    def program(name, text):
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(word, *, root, has=()):
        for name in ("sh", "make", "sed", "echo", "touch"):
            if not (tmp_path / "bin" / name).exists():
                (tmp_path / "bin" / name).symlink_to(shutil.which(name))
        program("id", f"echo {0 if root else 1000}")
        program("python3", "case $* in *venv*sys.exit*) exit 0;; esac; echo made by $* >> made; exit 1")
        program("apt-get", "echo $* >> installed")
        for name in has:
            program(name, "exit 0")
        done = subprocess.run(
            ["make", word], cwd=tmp_path, env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True
        )
        read = {
            name: (tmp_path / name).read_text() if (tmp_path / name).exists() else "" for name in ("installed", "made")
        }
        return done.returncode, done.stdout + done.stderr, read["installed"], read["made"]

    return run


@pytest.mark.parametrize(
    ("word", "packages"), [("setup", "bubblewrap"), ("demo", "bubblewrap"), ("test", "bubblewrap chromium")]
)
def test_what_the_system_lacks_is_named_before_anything_is_made(bare, word, packages):
    """An ordinary user reads one command, and nothing is downloaded or trained."""
    status, said, installed, made = bare(word, root=False)
    assert status != 0
    assert f"sudo apt-get install {packages}\n" in said
    assert (installed, made) == ("", "")


@pytest.mark.parametrize(("word", "packages"), [("demo", "bubblewrap"), ("test", "bubblewrap chromium")])
def test_root_gets_installed_what_the_system_lacks(bare, word, packages):
    """As root it is installed first; then the virtual environment is made."""
    _, _, installed, made = bare(word, root=True)
    assert installed.splitlines() == ["update -qq", f"install -y -qq {packages}"]
    assert "venv" in made


def test_system_that_has_everything_is_left_alone(bare):
    """Nothing is installed where nothing is missing."""
    _, _, installed, made = bare("test", root=True, has=("bwrap", "chromium"))
    assert installed == ""
    assert "venv" in made


def test_ci_runs_what_the_readme_says():
    """CI calls the words of the Makefile, and of the system's packages only those that the README names before them."""
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines[-2:] == ["make check", "make test"]
    assert "apt-get install make git" in README
    assert [line for line in lines if "apt-get" in line and not line.endswith("install -y -qq make git; }")] == []
