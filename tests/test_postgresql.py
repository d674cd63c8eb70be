"""A gradebook on PostgreSQL: nbgrader's commands and our exports on a server of this machine's own, for as long as a test runs."""

import csv
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import TemporaryCourse

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("psycopg") is None, reason="no psycopg: pip install 'psycopg[binary]'"),
    pytest.mark.skipif(not SERVERS, reason="no PostgreSQL: apt-get install postgresql"),
]


@pytest.fixture
def gradebook(tmp_path):
    """The URL of an empty database, on a socket in a folder of its own."""
    folder, programs = tmp_path / "server", SERVERS[-1].parent
    folder.mkdir()
    other = []  # a server refuses to run as root
    if os.geteuid() == 0:
        for place in (folder, *folder.parents[:3]):
            place.chmod(0o755)
        shutil.chown(folder, "postgres")
        other = ["runuser", "-u", "postgres", "--"]

    def run(name, *arguments):
        subprocess.run([*other, programs / name, *arguments], check=True, cwd=folder, stdout=subprocess.DEVNULL)

    run("initdb", "-D", folder / "data", "-A", "trust", "-U", "grader")
    run(
        "pg_ctl",
        "-D",
        folder / "data",
        "-w",
        "-l",
        folder / "log",
        "-o",
        f"-k {folder} -c listen_addresses=''",
        "start",
    )
    try:
        run("createdb", "-h", folder, "-U", "grader", "course")
        yield f"postgresql+psycopg://grader@/course?host={folder}"
    finally:
        run("pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")


def test_course_is_graded_in_a_gradebook_on_postgresql(gradebook, tmp_path):
    """Released, graded, given feedback and exported: with the scores of the submission, and no file beside the course's."""
    course = TemporaryCourse(tmp_path / "course")
    url = {"COURSE_GRADEBOOK": gradebook}
    course.nbgrader("generate_assignment", "vae", **url)
    course.hand_in("ada", course.notebook("release"))
    course.nbgrader("autograde", "vae", **url)
    course.nbgrader("generate_feedback", "vae", **url)
    course.nbgrader("export", **url)
    course.run("autograder", "export", "vae", "--to", "csv", **url)
    (row,) = csv.DictReader((course.folder / "grades.csv").read_text().splitlines())
    assert (row["student_id"], row["score"], row["max_score"]) == ("ada", "0.0", "40.0")
    (row,) = csv.DictReader((course.folder / "vae-csv.csv").read_text().splitlines())
    assert (row["student"], row["vae"], row["vae: elbo"]) == ("ada", "0", "0")
    assert (course.folder / "feedback" / "ada" / "vae" / "vae.html").exists()
    assert not list(course.folder.glob("gradebook*"))
