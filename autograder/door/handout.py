"""`python -m autograder feedback`: the pages of a class made anew, and put into one archive as a learning platform takes it.

Canvas and Moodle both know whose a page is by the numbers in the names of the files that they gave out, so these are looked for in
downloaded/, where `nbgrader zip_collect` had them from:

    doejane_10482_775200_vae-1.ipynb                  Canvas: upload the archive with "Upload Submissions"
    Jane Doe_20311_assignsubmission_file_vae.ipynb    Moodle: "Upload multiple feedback files in a zip"
"""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from nbgrader.api import Gradebook

from autograder.course import ConfigError, Course
from autograder.door.database import database
from autograder.text import one_line

# a student, the student's number, and all that a page's name has to begin with
NAMES = {
    "canvas": re.compile(r"(?:.*/)?(?P<prefix>(?P<student>[^/]+?)(?:_LATE)?_(?P<number>[0-9]+)_[0-9]+_)[^/]+\.ipynb"),
    "moodle": re.compile(
        r"(?:.*/)?(?P<prefix>(?P<student>[^/]+?)_(?P<number>[0-9]+)_assignsubmission_file)[_/][^/]+\.ipynb"
    ),
}


def make(course: Course, assignment: str) -> int:
    """Make the pages of all students anew, from the gradebook as it is now, and return the exit status of nbgrader."""
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", assignment, "--log-level=ERROR"]
    return subprocess.run(command, cwd=course.root, check=False).returncode


def pack(course: Course, assignment: str, platform: str | None, path: Path) -> list[str]:
    """Write an archive of the pages that are there, a file a student, and return what a person should know, a line each.

    Args:
        platform: whose names the files get, "canvas" or "moodle"; None: those of submitted/.
        path: of the archive.
    Raises:
        ConfigError: there is no page.
    """
    pages = sorted((course.root / "feedback").glob(f"*/{assignment}/*.html"))
    if not pages:
        raise ConfigError(f"feedback {assignment}: nothing was graded, so there is no page; grade it first.")
    known = dict(_prefixes(course.root / "downloaded" / assignment, platform)) if platform else {}
    packed, unknown = set(), set()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for page in pages:
            student = page.parent.parent.name
            alone = len(list(page.parent.glob("*.html"))) == 1
            if student in known:
                name = f"{known[student]}{page.name}"
            else:
                unknown.add(student)
                name = f"{student}.html" if alone else f"{student}_{page.name}"
            archive.write(page, name)
            packed.add(student)
    said = []
    if platform and unknown:
        said.append(f"not named for {platform.capitalize()}, as no file in downloaded/ is theirs: {_names(unknown)}")
    if missing := _students(course) - packed:
        said.append(f"not handed in, so without a page: {_names(missing)}")
    return said


def _prefixes(folder: Path, platform: str) -> Iterator[tuple[str, str]]:
    """Yield students, as submitted/ names them, with what the name of a file for them begins with."""
    for name in sorted(_downloaded(folder)):
        if found := NAMES[platform].fullmatch(name):
            prefix = found["prefix"] + "_" * (platform == "moodle")
            yield found["student"], prefix
            yield f"{found['student']}_{found['number']}", prefix  # where two are called so, see `collect`


def _downloaded(folder: Path) -> Iterator[str]:
    """Yield the names of all files that a platform gave out, in archives, too."""
    for path in folder.rglob("*"):
        if path.suffix == ".zip":
            with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
                yield from archive.namelist()
        elif path.is_file():
            yield path.relative_to(folder).as_posix()


def _students(course: Course) -> set[str]:
    """Return all students of the gradebook."""
    with Gradebook(database(course), course.course_id) as gradebook:
        return {student.id for student in gradebook.students}


def _names(students: set[str]) -> str:
    return ", ".join(map(one_line, sorted(students)))
