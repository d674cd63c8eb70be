"""`python -m autograder export`: scores as the learning platforms read them, with a column for each exercise.

Canvas and Moodle both want a file that they gave out themselves, with columns added, since only they know their own numbers of
students: it is the roster here. Who stands in it without a score gets a blank, which changes nothing there; never a zero.
"""

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry

from autograder.course import ConfigError, Course
from autograder.door.database import database, missing
from autograder.door.export import score_of, waiting
from autograder.text import one_line

Row = dict[str, str]
POINTS = "    Points Possible"  # in the first column of the row that Canvas writes below its header
ENCODING = "utf-8-sig"  # both write the mark that spreadsheets look for


@dataclass(frozen=True)
class Platform:
    """How one platform names people.

    Attributes:
        who: columns that tell a person, of which a file has to have one; these alone are kept beside the scores.
        names: returns what a row's person may be called in submitted/, but for what stands in `who`.
    """

    who: tuple[str, ...]
    names: Callable[[Row], Iterable[str]]


def _canvas(row: Row) -> Iterable[str]:
    """Yield the names of Canvas's downloads: doejane, and doejane_10482 where two are called so."""
    last, _, first = row.get("Student", "").partition(",")
    name = re.sub(r"[\W_]", "", f"{last}{first}").lower()
    yield from (name, f"{name}_{row.get('ID', '')}")


def _moodle(row: Row) -> Iterable[str]:
    """Yield the name of Moodle's downloads: Jane Doe."""
    last = row.get("Last name") or row.get("Surname") or ""
    yield f"{row.get('First name', '')} {last}".strip()


PLATFORMS = {
    "canvas": Platform(("Student", "ID", "SIS User ID", "SIS Login ID", "Root Account", "Section"), _canvas),
    "moodle": Platform(("Username", "First name", "Last name", "Surname", "ID number", "Email address"), _moodle),
}


def write(course: Course, assignment: str, to: str, roster: Path | None, path: Path) -> list[str]:
    """Write the scores of an assignment and return what a person should know, a line each.

    Args:
        to: "canvas", "moodle", or "csv": students as the gradebook names them.
        roster: the file that the platform gave out; not for csv.
        path: of the file that is written.
    Raises:
        ConfigError: the assignment was not released here, the roster is missing, or is none of the platform's.
    """
    if (to == "csv") != (roster is None):
        wanted = "takes no --roster" if to == "csv" else "needs --roster FILE: the grades as it exports them"
        raise ConfigError(f"export --to {to}: {wanted}.")
    points, scores = _scores(course, assignment)
    if roster is None:
        titles = {name: name for name in points}
        _save(path, ["student", *titles.values()], [{"student": s, **row} for s, row in sorted(scores.items())])
        return _blanks(scores)
    header, rows = _read(roster)
    platform = PLATFORMS[to]
    who = [column for column in header if column in platform.who]
    if not who:
        raise ConfigError(
            f"{roster}: expected one of the columns {', '.join(platform.who)}, as {to.capitalize()} exports them."
        )
    titles = {name: _title(name, header) for name in points}
    whose, said = _people(rows, who, platform, scores)
    filled = [
        {column: row.get(column, "") for column in who}
        | {titles[name]: v for name, v in scores.get(student, {}).items()}
        for row, student in zip(rows, whose, strict=True)
    ]
    if to == "canvas":
        filled.insert(0, {who[0]: POINTS} | {titles[name]: f"{worth:g}" for name, worth in points.items()})
    _save(path, [*who, *titles.values()], filled)
    return said + _blanks(scores)


def _scores(course: Course, assignment: str) -> tuple[dict[str, float], dict[str, Row]]:
    """Return the points of the assignment and of each exercise by column, and the scores by student; blank where there is none."""
    unknown = ConfigError(f"export {assignment}: the gradebook has no such assignment; grade it first.")
    if missing(course):
        raise unknown
    with Gradebook(database(course), course.course_id) as gradebook:
        try:
            found = gradebook.find_assignment(assignment)
        except MissingEntry:
            raise unknown from None
        cells = [cell for notebook in found.notebooks for cell in notebook.grade_cells]
        names = {cell.id: f"{assignment}: {cell.name.removeprefix('test_')}" for cell in cells}
        points = {assignment: found.max_score} | {names[cell.id]: cell.max_score for cell in cells}
        scores = {}
        for submission in found.submissions:
            row = {assignment: "" if (score := score_of(submission)) is None else f"{score:g}"}
            for notebook in submission.notebooks:
                blank = {grade.id for grade in waiting(notebook.grades)}
                row |= {names[g.cell_id]: "" if g.id in blank else f"{round(g.score, 2):g}" for g in notebook.grades}
            scores[submission.student_id] = row
    return points, scores


def _people(
    rows: list[Row], who: list[str], platform: Platform, scores: dict[str, Row]
) -> tuple[list[str | None], list[str]]:
    """Return whose each row of a roster is, and what could not be told."""
    called = defaultdict(set)
    for number, row in enumerate(rows):
        for name in (*(row.get(column, "") for column in who), *platform.names(row)):
            called[_plain(name)].add(number)
    whose: list[str | None] = [None] * len(rows)
    said = []
    for student in sorted(scores):
        numbers = called.get(_plain(student), set())
        if not numbers:
            said.append(f"{one_line(student)}: left out, as nobody in the roster is called so")
        elif len(numbers) > 1:
            said.append(f"{one_line(student)}: left out, as several in the roster could be meant")
        elif whose[number := next(iter(numbers))] is not None:
            said.append(f"{one_line(student)}: left out, as another submission is taken for the same person")
        else:
            whose[number] = student
    return whose, said


def _plain(name: str) -> str:
    """Return a name as it is compared: composed, without spaces around it."""
    return unicodedata.normalize("NFC", name.strip())


def _title(name: str, header: list[str]) -> str:
    """Return the title of a column: that of a column that is there already, which Canvas marks with its number."""
    return next((column for column in header if re.fullmatch(re.escape(name) + r"( \(\d+\))?", column)), name)


def _blanks(scores: dict[str, Row]) -> list[str]:
    """Return a line about who has no score."""
    without = sorted(one_line(student) for student, row in scores.items() if not next(iter(row.values())))
    return [f"without a score, and left blank: {', '.join(without)}"] * bool(without)


def _read(path: Path) -> tuple[list[str], list[Row]]:
    """Return the columns and the people of a roster."""
    try:
        with open(path, newline="", encoding=ENCODING) as file:
            table = csv.DictReader(file)
            rows = [{key: value or "" for key, value in row.items() if key is not None} for row in table]
            header = list(table.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: expected a CSV file, got {error}.") from None
    first = header[0] if header else ""
    return header, [
        row
        for row in rows
        if any(row.values()) and not row[first].strip().startswith(("Points Possible", "Student, Test"))
    ]


def _save(path: Path, columns: list[str], rows: list[Row]) -> None:
    """Write a table whose cells no spreadsheet takes for formulas: people's names come from elsewhere."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        for row in rows:
            table.writerow([_harmless(row.get(column, "")) for column in columns])


def _harmless(value: str) -> str:
    number = re.fullmatch(r"-?[\d.]+", value)
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) and not number else value
