"""Puts what the course says of people and dates into the gradebook: names, due dates, extensions, and what late ones lose.

nbgrader has a penalty that is decided once, while a submission is graded. Ours follows the configuration and the gradebook as they are:
it is settled again after every grading and before every feedback, so that a new due date or a grade by hand finds its way.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

from nbgrader.api import Gradebook, MissingEntry, SubmittedAssignment

from autograder import roster
from autograder.course import ConfigError, Course
from autograder.door.database import database, missing
from autograder.text import in_words, named, one_line


@dataclass(frozen=True)
class Late:
    """A submission that came after its due date, the student's own extension counted in.

    Attributes:
        by: how much later.
        penalty: points that it loses.
    """

    by: timedelta
    penalty: float

    def __str__(self) -> str:
        lost = f", {self.penalty:g} points less" if self.penalty else ""
        return f"{in_words(self.by)} late{lost}"


@dataclass(frozen=True)
class Standing:
    """How a class stands with one assignment.

    Attributes:
        late: those who handed in late, by student.
        missing: those of the roster who did not hand in.
        strangers: those who handed in and are not in the roster, where there is one.
    """

    late: dict[str, Late]
    missing: list[str]
    strangers: list[str]

    def lines(self) -> list[str]:
        """Return what there is to say, a line each."""
        found = [f"late: {one_line(student)}: {late}" for student, late in sorted(self.late.items())]
        groups = (("not handed in", self.missing), ("handed in, but not in the roster", self.strangers))
        return found + [f"{what}: {named(students)}" for what, students in groups if students]


def settle(course: Course, assignment: str, url: str) -> Standing:
    """Write people, due date, extensions and penalties of an assignment into the gradebook, and return how the class stands.

    A course that says nothing of one of them leaves what the gradebook has.

    Args:
        url: of the gradebook, as nbgrader's program was told.
    Raises:
        ConfigError: the roster cannot be read, or a due date is of no assignment.
    """
    people = roster.read(course)
    if unknown := course.due_of_nothing():
        raise ConfigError(f"course_config.py: due names {unknown}; the course has {', '.join(course.assignments)}.")
    with Gradebook(url, course.course_id) as gradebook:
        known = {student.id: student for student in gradebook.students}
        for student, person in people.items():
            now = {key: getattr(known[student], key) for key in person.about} if student in known else None
            if now != person.about:
                gradebook.update_or_create_student(student, **person.about)
        try:
            found = gradebook.find_assignment(assignment)
        except MissingEntry:
            return Standing({}, [], [])
        if (due := course.due_utc(assignment)) is not None:
            found.duedate = due
        for submission in found.submissions:
            person = people.get(submission.student_id)
            if person is not None and assignment in person.extensions:
                submission.extension = person.extensions[assignment] or None
            if course.late_share_per_day:
                _penalise(submission, course)
        gradebook.db.commit()
        return _standing(course, people, found.submissions)


def standing(course: Course, assignment: str) -> Standing:
    """Return how the class stands, as the gradebook has it; nothing is written, and a gradebook that is not there is not made.

    Raises:
        ConfigError: the roster cannot be read.
    """
    people = roster.read(course)
    if missing(course):
        return Standing({}, [], [])
    with Gradebook(database(course), course.course_id) as gradebook:
        try:
            submissions = gradebook.find_assignment(assignment).submissions
        except MissingEntry:
            return Standing({}, [], [])
        return _standing(course, people, submissions)


def _standing(course: Course, people: dict[str, roster.Person], submissions: list[SubmittedAssignment]) -> Standing:
    late = {}
    for submission in submissions:
        over = timedelta(seconds=submission.total_seconds_late)
        if over > timedelta(minutes=course.late_grace_minutes):
            penalty = sum(notebook.late_submission_penalty or 0.0 for notebook in submission.notebooks)
            late[submission.student_id] = Late(over, round(penalty, 2))
    handed_in = {submission.student_id for submission in submissions}
    return Standing(late, sorted(people.keys() - handed_in), sorted(handed_in - people.keys()) if people else [])


def _penalise(submission: SubmittedAssignment, course: Course) -> None:
    """Write what a submission loses into its notebooks; never more than it has."""
    over = timedelta(seconds=submission.total_seconds_late)
    is_late = over > timedelta(minutes=course.late_grace_minutes)
    days = math.ceil(over / timedelta(days=1)) if is_late else 0
    for notebook in submission.notebooks:
        lost = min(notebook.score, days * course.late_share_per_day * notebook.max_score)
        notebook.late_submission_penalty = lost or None
