"""Who takes the course: roster.csv beside course_config.py, with the columns of `nbgrader db student import` and extensions.

    id,first_name,last_name,email,extension_vae
    ada,Ada,Lovelace,ada@example.org,
    bob,Bob,Noyce,bob@example.org,2

`id` is the name of a student's folder in submitted/; `extension_<assignment>` says how many days later than others somebody may
hand it in. Only `id` is needed. A course without the file has no roster: its students are those who hand in.
"""

import csv
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from autograder.course import ConfigError, Course
from autograder.text import one_line

COLUMNS = ("id", "first_name", "last_name", "email", "lms_user_id")
EXTENSION = "extension_"


@dataclass(frozen=True)
class Person:
    """One student.

    Attributes:
        about: what nbgrader's gradebook knows of students beside the id: names, email, the learning platform's id.
        extensions: by assignment, how much later than others; nothing of an assignment for which there is no column.
    """

    about: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, timedelta] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """First and last name; empty where neither is known."""
        return f"{self.about.get('first_name', '')} {self.about.get('last_name', '')}".strip()


def read(course: Course) -> dict[str, Person]:
    """Return the students of the roster by their id; none where the course has no such file.

    Raises:
        ConfigError: the file cannot be read, or says what cannot be; a line for each problem.
    """
    path = course.root / course.roster
    if not path.exists():
        return {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:  # spreadsheets write a mark
            table = csv.DictReader(file, strict=True)
            columns = [column or "" for column in table.fieldnames or ()]
            rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{course.roster}: expected a CSV file in UTF-8, got {error}.") from None
    allowed = [*COLUMNS, *(f"{EXTENSION}{name}" for name in course.assignments)]
    if "id" not in columns or (unknown := [column for column in columns if column not in allowed]):
        said = f"unknown: {', '.join(map(repr, unknown))}" if "id" in columns else f"got {', '.join(columns) or 'none'}"
        raise ConfigError(
            f"{course.roster}: expected the column id, and of these what you like: {', '.join(allowed[1:])}; {said}."
        )
    people, problems = {}, []
    for number, row in enumerate(rows, 2):
        try:
            student = _id(row)
            people[student] = Person(
                about={column: row[column].strip() for column in COLUMNS[1:] if (row.get(column) or "").strip()},
                extensions={
                    column.removeprefix(EXTENSION): _days(column, row[column] or "")
                    for column in columns
                    if column.startswith(EXTENSION)
                },
            )
        except ValueError as error:
            problems.append(f"{course.roster}, line {number}: {error}.")
    twice = [name for name, count in Counter((row["id"] or "").strip() for row in rows).items() if count > 1 and name]
    problems += [f"{course.roster}: {one_line(name)} stands there more than once." for name in twice]
    if problems:
        raise ConfigError("\n".join(problems))
    return people


def _id(row: dict) -> str:
    """Return the id of a row's student, which is the name of a folder.

    Raises:
        ValueError: it is none, or the row has more columns than the first line.
    """
    student = (row["id"] or "").strip()
    if None in row:
        raise ValueError("expected as many columns as in the first line, got more")
    if not student or student in (".", "..") or "/" in student or not student.isprintable():
        raise ValueError(f"expected an id that can be the name of a folder, got {student!r}")
    return student


def _days(column: str, value: str) -> timedelta:
    """Return an extension; none for an empty field.

    Raises:
        ValueError: it is no number of days.
    """
    try:
        days = float(value or 0)
    except ValueError:
        days = -1.0
    if not 0 <= days <= 366:
        raise ValueError(f"{column} = {value!r}: expected a number of days from 0 to 366")
    return timedelta(days=days)
