"""Two of nbgrader's commands with what they lack: `autograde` knows what is to be graded again and goes on after any failure, and
both make the gradebook's entry of an assignment where a committed release came without one.

nbgrader has no option for it, so `door.configure` puts these classes in the place of its own. What happens to one submission is not
here: `exporter` opens and `preprocessors` examines it.
"""

import copy
import json
import re
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

import nbformat
from nbgrader import converters
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.base import NbGraderException
from nbgrader.utils import rmtree
from sqlalchemy.exc import OperationalError

from autograder import interrupt
from autograder.course import ConfigError
from autograder.door.configured import Configured
from autograder.door.export import without_score
from autograder.examine.examine import refused
from autograder.intake import handin
from autograder.intake.folder import Folder
from autograder.publish import choices_of
from autograder.reporting.report import Report
from autograder.text import one_line, printable

LOCKED = "the gradebook was in use by another program, or could not be written ({error}). Nothing is lost: grade again"
SHOWN = 10  # students named in a line; of more, the number


class Autograde(Configured, converters.Autograde):
    """`nbgrader autograde`: examines what is new, changed, or without a grade, and names what it skips."""

    def start(self) -> None:
        """Grade; Ctrl-C ends the run in one line, with exit status 130."""
        self._original = self.coursedir  # intake shows a staging folder in its place
        self._done: list[str] = []
        self._skipped: list[str] = []
        self._failed: list[str] = []
        self._student = ""
        try:
            with interrupt.watched():
                super().start()
        except KeyboardInterrupt:
            unfinished = f", {one_line(self._student)} was not finished and has no grade from it" * bool(self._student)
            self.log.error(
                "Stopped: %d graded in this run%s; `nbgrader autograde %s` goes on there",
                len(self._done),
                unfinished,
                self._original.assignment_id,
            )
            sys.exit(interrupt.STATUS)

    def init_notebooks(self) -> None:
        """Find the submissions; a notebook at the wrong place is one, too, and is named."""
        lost = self._unclaimed()
        for line in lost:
            self.log.error("%s", one_line(line))
        try:
            super().init_notebooks()
        except NbGraderException:
            if not self.misplaced():
                raise

    def misplaced(self) -> dict[str, str]:
        """Return the students of whom a notebook lies one level too high, each with what to do."""
        assignment = self._original.assignment_id
        others = [name for name in self.course.assignments if name != assignment]
        found = handin.misplaced(self._submitted(), assignment, self._names(), others)
        asked = self._original.student_id
        excluded = self._original.student_id_exclude.split(",")
        return {student: why for student, why in found.items() if asked in ("*", student) and student not in excluded}

    def convert_notebooks(self) -> None:
        """Examine one submission after the other; what goes wrong with one leaves it not graded and the others as they are."""
        try:
            enter(self.parent, self._original, self.log)
        except (ConfigError, OperationalError) as error:
            message = LOCKED.format(error=error.orig) if isinstance(error, OperationalError) else str(error)
            self.log.error("%s", message)
            raise NbGraderException(message) from None
        for place in sorted(self.assignments):
            self.notebooks = sorted(self.assignments[place])
            student = self._whose(place)
            self._digest = handin.digest(self._folder(student))
            try:
                if not self.init_destination(self.coursedir.assignment_id, student):
                    continue
            except OperationalError as error:  # whether it has its grade is not known, so that stays as it is
                self.log.error("%s: not looked at: %s", one_line(student), LOCKED.format(error=error.orig))
                self._failed.append(student)
                continue
            self._student = student
            try:
                with interrupt.held():  # but for the examination itself: no grade is half stored
                    self._examine(self.coursedir.assignment_id, student)
                    self._done.append(student)
                    self._student = ""
            except KeyboardInterrupt:
                if self._student:
                    self._forget(self.coursedir.assignment_id, student)
                raise
            except OperationalError as error:
                self._not_graded(student, LOCKED.format(error=error.orig), "")
            except Exception as error:  # ours: nobody loses a point for it
                self._not_graded(student, f"an error of the grader ({type(error).__name__})", traceback.format_exc())
            self._student = ""
            interrupt.check()
        self._tell()

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Return whether a submission is to be examined; what an earlier run left is then removed."""
        why = "asked for by --force" if self.force else self._why(assignment_id, student_id)
        if not why:
            self._skipped.append(student_id)
            return False
        self.log.info("%s: %s", one_line(student_id), why)
        force, self.force = self.force, True
        try:
            return super().init_destination(assignment_id, student_id)
        finally:
            self.force = force

    def init_single_notebook_resources(self, notebook_filename: str) -> dict:
        """Return nbgrader's resources with the digest of what is examined."""
        resources = super().init_single_notebook_resources(notebook_filename)
        resources["nbgrader"]["digest"] = self._digest
        return resources

    def _examine(self, assignment: str, student: str) -> None:
        self.run_pre_convert_hook()
        self.init_assignment(assignment, student)
        for notebook in self.notebooks:
            self.convert_single_notebook(notebook)
        self.set_permissions(assignment, student)
        self.run_post_convert_hook()

    def _why(self, assignment: str, student: str) -> str:
        """Return why a submission is to be examined; empty where its grade stands."""
        for notebook in self.notebooks:
            name = Path(notebook).stem
            if not _finished(Path(self._format_dest(assignment, student), f"{name}.ipynb")):
                return "not graded yet"
            try:
                report = Report.load(self.course.root / "reports" / student / assignment / f"{name}.json")
            except (OSError, ValueError):
                return "graded again, as its report is missing"
            if not report.graded:
                return "examined again, as it could not be graded before"
            if report.submission != self._digest:
                return "graded again, as something else was handed in since"
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            try:
                found = gradebook.find_submission(assignment, student)
            except MissingEntry:
                return "graded again, as the gradebook has no grade of it"
            if without_score(found):
                return "graded again, as the gradebook has no grade of it"
        return ""

    def _not_graded(self, student: str, reason: str, detail: str) -> None:
        """Leave a submission not graded, with the reason in its report, and nothing of the failed try."""
        self.log.error("%s: not graded: %s", one_line(student), printable(reason))
        self._failed.append(student)
        assignment = self._original.assignment_id
        self._forget(assignment, student)
        for notebook in self.notebooks:
            name = Path(notebook).stem
            released = Path(
                self._original.format_path(self._original.release_directory, ".", assignment), f"{name}.ipynb"
            )
            report = refused(
                self.course,
                nbformat.read(released, as_version=4),
                reason,
                student=student,
                assignment=assignment,
                name=name,
            )
            report.model_copy(update={"error": detail, "submission": self._digest}).save(self.course.root / "reports")
            if detail:  # else the gradebook is what fails
                self._clear(assignment, student, name)

    def _forget(self, assignment: str, student: str) -> None:
        """Remove what an examination that did not come to its end has written."""
        folder = Path(self._format_dest(assignment, student))
        for notebook in self.notebooks:
            Path(folder, Path(notebook).name).unlink(missing_ok=True)
        if self.coursedir.notebook_id == "*" and folder.exists():
            rmtree(str(folder))

    def _clear(self, assignment: str, student: str, notebook: str) -> None:
        """Take the scores of an earlier grading out of the gradebook, which are not those of this submission."""
        with (
            suppress(MissingEntry, OperationalError),
            Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook,
        ):
            for grade in gradebook.find_submission_notebook(notebook, assignment, student).grades:
                grade.auto_score, grade.needs_manual_grade = None, True
            gradebook.db.commit()

    def _tell(self) -> None:
        """Name what was skipped, and what could not be graded.

        Raises:
            NbGraderException: something could not be graded because of an error of ours, or of the gradebook.
        """
        assignment = self._original.assignment_id
        if self._skipped:
            self.log.warning(
                "Skipped, as graded before and not handed in anew: %s. To grade again: `nbgrader autograde %s --force`",
                _some(self._skipped),
                assignment,
            )
        if self._failed:
            message = f"Not graded for no fault of theirs: {_some(self._failed)}; `nbgrader autograde {assignment}` tries them again"
            self.log.error("%s", message)
            raise NbGraderException(message)

    def _whose(self, place: str) -> str:
        pattern = self._format_source("(?P<assignment_id>.*)", "(?P<student_id>.*)", escape=True)
        return re.match(pattern, place, re.DOTALL)["student_id"]

    def _submitted(self) -> Path:
        coursedir = self._original
        return Path(coursedir.format_path(coursedir.submitted_directory, ".", ".")).resolve()

    def _folder(self, student: str) -> Folder:
        coursedir = self._original
        path = coursedir.format_path(coursedir.submitted_directory, student, coursedir.assignment_id)
        return Folder.of(coursedir, path)

    def _names(self) -> list[str]:
        release = Path(self._original.format_path(self._original.release_directory, ".", self._original.assignment_id))
        return sorted(path.name for path in release.glob("*.ipynb"))

    def _unclaimed(self) -> list[str]:
        return handin.unclaimed(self._submitted(), self._original.assignment_id, self._names())


class GenerateAssignment(Configured, converters.GenerateAssignment):
    """`nbgrader generate_assignment`: a release that is there stays, and the gradebook gets its entry all the same."""

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


def _finished(path: Path) -> bool:
    """Return whether grading a notebook came to its end: what it ends with is written after the scores are stored."""
    try:
        return any(cell.get("id") == "result" for cell in json.loads(path.read_text(encoding="utf-8"))["cells"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _some(students: list[str]) -> str:
    shown = [one_line(student) for student in students[:SHOWN]]
    return ", ".join(shown) + f" and {len(students) - SHOWN} more" * (len(students) > SHOWN)
