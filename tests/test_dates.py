"""Roster, due dates, extensions and late hand-ins: what the files may say, and what the gradebook then has."""

import os
import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from autograder import roster
from autograder.course import ConfigError, Course
from autograder.door import dates
from autograder.door.database import database
from autograder.text import in_words

# of SQLAlchemy, about nbgrader's way to make a submission
pytestmark = pytest.mark.filterwarnings("ignore:Object of type <Submitted")
DUE = datetime(2026, 10, 30, 22, 59)  # 23:59 in Berlin, an hour from UTC in winter


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """An empty gradebook: to make one takes nbgrader seconds, and the program alembic."""
    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        Gradebook(f"sqlite:///{path}", "c").close()
    return path


@pytest.fixture
def graded(empty):
    """Return a function that gives a course a gradebook with an assignment of ten points, in which students have a score and handed in
    some hours after `DUE`."""

    def made(course, **submissions):
        shutil.copy(empty, course.root)
        with Gradebook(database(course), "c") as gradebook:
            gradebook.add_assignment("vae")
            gradebook.add_notebook("vae", "vae")
            gradebook.add_grade_cell("elbo", "vae", "vae", max_score=10, cell_type="code")
            for student, (hours, score) in submissions.items():
                gradebook.add_student(student)
                gradebook.add_submission("vae", student, timestamp=DUE + timedelta(hours=hours))
                gradebook.find_grade("elbo", "vae", "vae", student).auto_score = score
            gradebook.db.commit()

    return made


@pytest.fixture
def course(tmp_path):
    """Return a function that makes the course of a temporary folder, with a roster."""

    def made(people="", **values):
        if people:
            (tmp_path / "roster.csv").write_text(people)
        known = {"course_id": "c", "assignments": ("vae", "iwae"), "secret": "s"}
        return Course(**known | values).model_copy(update={"root": tmp_path})

    return made


def penalties(course):
    """Return what each submission of the gradebook loses."""
    with Gradebook(database(course), "c") as gradebook:
        return {one.student_id: one.late_submission_penalty for one in gradebook.find_assignment("vae").submissions}


# --- roster ---


def test_roster_has_people_and_extensions(course):
    """Names and ids as nbgrader's import has them; a column for each assignment says who has longer."""
    people = roster.read(course("\ufeffid,first_name,last_name,extension_vae\n ada ,Ada,Lovelace,\nbob,,,2.5\n"))
    assert people["ada"].name == "Ada Lovelace"
    assert people["ada"].extensions == {"vae": timedelta(0)}
    assert people["bob"].about == {}
    assert people["bob"].extensions == {"vae": timedelta(days=2, hours=12)}


def test_course_without_roster_has_nobody(course):
    """The file may be missing."""
    assert roster.read(course()) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\nada\n", "roster.csv: expected the column id, .*; got name"),
        ("id,extension_vea\nada,1\n", "unknown: 'extension_vea'"),
        ("id\nada\nada\n", "ada stands there more than once"),
        ("id\n../x\n", "line 2: expected an id that can be the name of a folder, got '../x'"),
        ("id,email\n,a@b\n", "line 2: expected an id .*, got ''"),
        ("id\nada,more\n", "line 2: expected as many columns as in the first line"),
        ("id,extension_vae\nada,soon\n", "line 2: extension_vae = 'soon': expected a number of days from 0 to 366"),
        ("id,extension_vae\nada,nan\n", "extension_vae = 'nan'"),
        ("id,extension_vae\nada,-1\n", "extension_vae = '-1'"),
        ('id\n"ada\n', "expected a CSV file"),
    ],
)
def test_wrong_roster_is_named_line_by_line(course, text, said):
    """Nothing is guessed: the line, what came and what is expected are said."""
    with pytest.raises(ConfigError, match=said):
        roster.read(course(text))


# --- due dates ---


@pytest.mark.parametrize(
    ("due", "zone"),
    [("2026-10-30 23:59", "Europe/Berlin"), ("2026-10-30T22:59Z", "Asia/Tokyo"), ("2026-10-30 18:59-04:00", "UTC")],
)
def test_due_date_is_kept_in_utc(course, due, zone):
    """A date without a zone is in the course's; nbgrader's gradebook keeps UTC."""
    one = course(due={"vae": due}, time_zone=zone)
    assert one.due_utc("vae") == DUE
    assert one.due_utc("iwae") is None


def test_unknown_zone_is_answered_with_what_is_like_it():
    """A slip of the pen is answered with what there is."""
    with pytest.raises(ValueError, match="no time zone is called so: did you mean Europe/Berlin"):
        Course(course_id="c", assignments=("vae",), time_zone="Europe/Berln")


def test_due_date_of_no_assignment_is_named(course):
    """A due date that would silently count for nothing stops the run."""
    with pytest.raises(ConfigError, match="due names vea; the course has vae, iwae"):
        dates.settle(course(due={"vea": "2026-10-30"}), "vae", "sqlite://")


# --- gradebook ---


def test_late_ones_lose_a_share_for_each_day_begun(course, graded):
    """The rule of the course, less an extension and the grace; nobody loses more than there is."""
    one = course(
        "id,first_name,extension_vae\nada,Ada,\nbob,,3\neve,,\nfay,,\nmia,Mia,\n",
        due={"vae": DUE.isoformat()},
        late_share_per_day=0.1,
        late_grace_minutes=30,
    )
    graded(one, ada=(-1, 10), bob=(34, 9), eve=(34, 9), fay=(0.5, 10), gus=(24 * 20, 6))
    standing = dates.settle(one, "vae", database(one))
    assert penalties(one) == {"ada": 0, "bob": 0, "eve": 2, "fay": 0, "gus": 6}
    assert {student: str(late) for student, late in standing.late.items()} == {
        "eve": "1 day 10 hours late, 2 points less",
        "gus": "20 days late, 6 points less",
    }
    assert standing.missing == ["mia"]
    assert standing.strangers == ["gus"]
    assert dates.standing(one, "vae") == standing
    with Gradebook(database(one), "c") as gradebook:
        assert gradebook.find_assignment("vae").duedate == DUE
        assert gradebook.find_student("mia").first_name == "Mia"


def test_rule_follows_the_configuration_and_grades_by_hand(course, graded):
    """A later due date gives back what was lost, and a score by hand changes what can be lost."""
    one = course(due={"vae": DUE.isoformat()}, late_share_per_day=0.5)
    graded(one, eve=(25, 4))
    dates.settle(one, "vae", database(one))
    assert penalties(one) == {"eve": 4}
    with Gradebook(database(one), "c") as gradebook:
        gradebook.find_grade("elbo", "vae", "vae", "eve").manual_score = 10
        gradebook.db.commit()
    dates.settle(one, "vae", database(one))
    assert penalties(one) == {"eve": 10}
    later = one.model_copy(update={"due": {"vae": DUE + timedelta(hours=20)}})
    dates.settle(later, "vae", database(later))
    assert penalties(later) == {"eve": 5}


def test_course_that_says_nothing_changes_nothing(course, graded):
    """Due dates, extensions and penalties that were set in nbgrader stay."""
    one = course()
    graded(one, eve=(25, 4))
    with Gradebook(database(one), "c") as gradebook:
        gradebook.find_assignment("vae").duedate = DUE
        gradebook.grant_extension("vae", "eve", hours=1)
        gradebook.find_submission("vae", "eve").notebooks[0].late_submission_penalty = 1.0
        gradebook.db.commit()
    standing = dates.settle(one, "vae", database(one))
    assert standing.lines() == ["late: eve: 1 day late, 1 points less"]
    assert penalties(one) == {"eve": 1}


def test_looking_makes_no_gradebook(course, tmp_path):
    """A question leaves no file behind."""
    assert dates.standing(course(), "vae").lines() == []
    assert not (tmp_path / "gradebook.db").exists()


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=1), "1 minute"),
        (timedelta(minutes=59), "59 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(days=2), "2 days"),
    ],
)
def test_time_spans_are_said_in_words(span, words):
    """Nobody reads 122460.0 seconds."""
    assert in_words(span) == words
