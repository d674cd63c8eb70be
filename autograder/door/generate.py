"""`nbgrader generate_assignment` with what it lacks: a release that was committed has no entry in a gradebook, which grading needs.

nbgrader has no option for it, so `door.configure` puts this class in the place of its own.
"""

import copy
import tempfile
from pathlib import Path

from nbgrader import converters
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.base import NbGraderException

from autograder import doctor
from autograder.course import ConfigError
from autograder.door import dates
from autograder.door.configured import Configured
from autograder.publish import choices_of


class GenerateAssignment(Configured, converters.GenerateAssignment):
    """`nbgrader generate_assignment`: a release that is there stays, and the gradebook gets its entry all the same, with its due date."""

    def start(self) -> None:
        """Make the release; the gradebook then has the assignment, its due date and the roster's students."""
        folder = Path(self.coursedir.format_path(self.coursedir.release_directory, ".", self.coursedir.assignment_id))
        try:
            for one in (folder.parent, *[folder] * folder.exists()):
                doctor.writable(one)
            super().start()
            dates.settle(self.course, self.coursedir.assignment_id, self.coursedir.db_url)
        except ConfigError as error:
            self.log.error("%s", error)
            raise NbGraderException(str(error)) from None

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Return whether the release is to be made; where it is there, make sure of the gradebook's entry."""
        if super().init_destination(assignment_id, student_id):
            return True
        try:
            enter(self.parent, self.coursedir, self.log)
        except ConfigError as error:
            self.log.error("%s", error)
            raise NbGraderException(str(error)) from None
        folder = Path(self.coursedir.format_path(self.coursedir.release_directory, ".", assignment_id))
        self.log.warning(
            "%s/%s is there and stays as it is%s. To make it anew from %s/%s: `nbgrader generate_assignment %s --force`",
            self.coursedir.release_directory,
            assignment_id,
            choices_of(folder, self.course),
            self.coursedir.source_directory,
            assignment_id,
            assignment_id,
        )
        return False


def enter(parent, coursedir, log) -> None:
    """Make the gradebook's entry of a released assignment from its source where the gradebook has none.

    Args:
        parent: nbgrader's program.
        coursedir: nbgrader's CourseDirectory.
        log: says what was done.
    Raises:
        ConfigError: there is nothing to make it from, or that cannot be read.
    """
    assignment = coursedir.assignment_id
    released = Path(coursedir.format_path(coursedir.release_directory, ".", assignment))
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        try:
            known = {notebook.name for notebook in gradebook.find_assignment(assignment).notebooks}
        except MissingEntry:
            known = set()
    if {path.stem for path in released.glob("*.ipynb")} <= known:
        return
    source = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
    if not any(source.glob("*.ipynb")):
        raise ConfigError(
            f"the gradebook has no entry of {assignment}, and source/{assignment} has no notebook to make it from: "
            f"put it there, and run `nbgrader generate_assignment {assignment} --force`."
        )
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        apart = copy.copy(coursedir)
        apart.release_directory, apart.notebook_id = folder, "*"
        try:
            GenerateAssignment(coursedir=apart, parent=parent).start()
        except NbGraderException as error:
            raise ConfigError(
                f"the gradebook has no entry of {assignment}, and none could be made from source/{assignment}: {error}"
            ) from None
        made = Path(apart.format_path(folder, ".", assignment))
        changed = [path.name for path in made.glob("*.ipynb") if not _same(path, released / path.name)]
    log.warning("The gradebook had no entry of %s; it was made from source/%s", assignment, assignment)
    for name in changed:
        log.warning(
            "release/%s/%s is not what source/%s makes today. To make it anew: `nbgrader generate_assignment %s --force`",
            assignment,
            name,
            assignment,
            assignment,
        )


def _same(made: Path, released: Path) -> bool:
    return released.is_file() and made.read_bytes() == released.read_bytes()
