"""Scores as Canvas and Moodle read them: who is who, what has no score is blank, and nobody gets another's."""

import csv
import os
import shutil
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from autograder import __main__
from autograder.course import ROOT

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,vae (4711),Final Score
    Points Possible,,,,,6,(read only)
"Doe, Jane",10482,s1,jdoe,A,1,10
"Roe, John",10533,s2,jroe,A,,
"Lee, Ann",11,s3,alee,B,,
"Lee, Ann",12,s4,alee2,B,,
"Poe, Eve",14,s5,=1+1,B,,
"Student, Test",99,,testing,A,,
"""
MOODLE = """\
\ufeffFirst name,Last name,ID number,Email address,Assignment: vae (Real)
Jane,Doe,s1,jane@example.org,-
Zoë,Roe,s2,zoe@example.org,-
"""


pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # of nbgrader's own add_submission


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A gradebook that knows an assignment of two automatic exercises and a written answer."""
    path = tmp_path_factory.mktemp("released") / "gradebook.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # nbgrader calls alembic by name
        with Gradebook(f"sqlite:///{path}", "vae") as gradebook:
            gradebook.add_assignment("vae")
            gradebook.add_notebook("vae", "vae")
            for name, points, kind in (("test_elbo", 4, "code"), ("test_kl", 2, "code"), ("written", 3, "markdown")):
                gradebook.add_grade_cell(name, "vae", "vae", max_score=points, cell_type=kind)
            gradebook.add_solution_cell("written", "vae", "vae")
    return path


@pytest.fixture
def course(tmp_path, monkeypatch, released):
    """The folder of a course with this gradebook, in which commands run."""
    for path in (ROOT / "course_config.py", ROOT / "nbgrader_config.py", released):
        shutil.copy(path, tmp_path / path.name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def hand_in(student, elbo, kl, written=None):
    """Put a graded submission into the gradebook; None is without a score."""
    with Gradebook("sqlite:///gradebook.db", "vae") as gradebook:
        gradebook.add_student(student)
        gradebook.add_submission("vae", student)
        for name, score in (("test_elbo", elbo), ("test_kl", kl)):
            gradebook.find_grade(name, "vae", "vae", student).auto_score = score
        gradebook.find_grade("written", "vae", "vae", student).manual_score = written
        gradebook.db.commit()


def exported(to, roster=""):
    """Write the roster, export, and return the rows by their first column, and the columns."""
    arguments = ["export", "vae", "--to", to]
    if roster:
        with open("roster.csv", "w", encoding="utf-8") as file:
            file.write(roster)
        arguments += ["--roster", "roster.csv"]
    assert __main__.main(arguments) == 0
    with open(f"vae-{to}.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return header, [dict(zip(header, row, strict=True)) for row in rows]


def test_canvas_gets_its_own_columns_and_numbers(course):
    """A column that is there keeps its title with Canvas's number; exercises are new ones, with their points below the header."""
    hand_in("doejane", 4, 1.5, 3)
    hand_in("s2", 0, 2, 0)
    header, rows = exported("canvas", CANVAS)
    assert header == [
        *("Student", "ID", "SIS User ID", "SIS Login ID", "Section"),
        *("vae (4711)", "vae: elbo", "vae: kl", "vae: written"),
    ]
    assert rows[0] == dict.fromkeys(header, "") | {
        "Student": "    Points Possible",
        **{"vae (4711)": "9", "vae: elbo": "4", "vae: kl": "2", "vae: written": "3"},
    }
    scores = {row["ID"]: [row[column] for column in header[5:]] for row in rows[1:]}
    assert scores["10482"] == ["8.5", "4", "1.5", "3"]
    assert scores["10533"] == ["2", "0", "2", "0"]
    assert scores["11"] == scores["12"] == scores["14"] == ["", "", "", ""]
    assert "99" not in scores


def test_what_is_not_graded_is_blank(course, capsys):
    """Who waits for a grade is blank in the total and in the exercise, and named; a written answer that waits is no zero, either."""
    hand_in("jdoe", None, 2, 3)
    hand_in("jroe", 4, 2)
    _, rows = exported("canvas", CANVAS)
    scores = {row["ID"]: row for row in rows}
    assert [scores["10482"][c] for c in ("vae (4711)", "vae: elbo", "vae: kl", "vae: written")] == ["", "", "2", "3"]
    assert [scores["10533"][c] for c in ("vae (4711)", "vae: written")] == ["6", ""]
    assert "without a score, and left blank: jdoe" in capsys.readouterr().err


def test_who_is_not_certain_is_left_out_and_named(course, capsys):
    """Two of one name are told apart by their number, as in Canvas's archive; without it nobody is guessed."""
    for student in ("leeann", "leeann_12", "nobody"):
        hand_in(student, 4, 2, 3)
    _, rows = exported("canvas", CANVAS)
    assert {row["ID"]: row["vae (4711)"] for row in rows[3:5]} == {"11": "", "12": "9"}
    said = capsys.readouterr().err
    assert "leeann: left out, as several in the roster could be meant" in said
    assert "nobody: left out, as nobody in the roster is called so" in said


def test_one_person_gets_one_submission(course, capsys):
    """Two submissions that name the same person are not decided by their order in silence."""
    hand_in("doejane", 4, 2, 3)
    hand_in("jdoe", 0, 0, 0)
    _, rows = exported("canvas", CANVAS)
    assert rows[1]["vae (4711)"] == "9"
    assert "jdoe: left out, as another submission is taken for the same person" in capsys.readouterr().err


def test_moodle_gets_who_and_scores(course):
    """People are known by number, mail or full name, whatever form the letters have; only who they are is kept of the file."""
    hand_in("Zoe\u0308 Roe", 4, 2, 3)
    hand_in("jane@example.org", 1, 0, 0)
    header, rows = exported("moodle", MOODLE)
    assert header == [
        *("First name", "Last name", "ID number", "Email address"),
        *("vae", "vae: elbo", "vae: kl", "vae: written"),
    ]
    assert [row["vae"] for row in rows] == ["1", "9"]


def test_plain_table_has_everybody(course):
    """Without a platform, students stand as the gradebook names them."""
    hand_in("bob", 4, 2, 3)
    hand_in("ada", None, None)
    header, rows = exported("csv")
    assert header == ["student", "vae", "vae: elbo", "vae: kl", "vae: written"]
    assert [list(row.values()) for row in rows] == [["ada", "", "", "", ""], ["bob", "9", "4", "2", "3"]]


def test_no_cell_is_a_formula(course):
    """Names come from people, and spreadsheets run what begins with a sign."""
    hand_in("=HYPERLINK(1)", 4, 2, 3)
    _, rows = exported("csv")
    assert rows[0]["student"] == "'=HYPERLINK(1)"
    _, rows = exported("canvas", CANVAS)
    assert rows[5]["SIS Login ID"] == "'=1+1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "canvas"], "export --to canvas: needs --roster FILE"),
        (["--to", "csv", "--roster", "x.csv"], "export --to csv: takes no --roster"),
        (["--to", "moodle", "--roster", "none.csv"], "none.csv: expected a CSV file, got"),
        (["--to", "moodle", "--roster", "course_config.py"], "expected one of the columns Username, First name"),
    ],
)
def test_what_cannot_be_exported_is_a_line(course, capsys, arguments, said):
    """A missing or wrong roster writes no file."""
    assert __main__.main(["export", "vae", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not list(course.glob("vae-*.csv"))


def test_assignment_that_was_never_graded_is_a_line(course, capsys):
    """The gradebook does not know it, or there is none, and none is made."""
    for _ in range(2):
        assert __main__.main(["export", "iwae", "--to", "csv"]) == 2
        assert "the gradebook has no such assignment" in capsys.readouterr().err
        (course / "gradebook.db").unlink(missing_ok=True)
    assert not (course / "gradebook.db").exists()
