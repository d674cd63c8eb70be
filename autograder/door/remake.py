"""`nbgrader generate_feedback` with what it lacks: it knows which pages are out of date, and makes those alone.

A page is made anew where anything that it shows has changed: a score, a comment or a date in the gradebook, the graded notebook, or the
kit. nbgrader has no option for it, so `door.configure` puts this class in the place of its own. Not here: how a page looks.
"""

import functools
import hashlib
import json
import sys
from contextlib import suppress
from pathlib import Path

from nbgrader import converters
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.base import NbGraderException

from autograder import doctor, interrupt
from autograder.course import ConfigError
from autograder.door import dates
from autograder.door.configured import Configured
from autograder.door.news import DETAIL, told
from autograder.text import named, one_line

SHOWN_OF = ("auto_score", "manual_score", "extra_credit", "needs_manual_grade", "max_score")
MADE = ".made"  # beside the pages: digest of what they show


class GenerateFeedback(Configured, converters.GenerateFeedback):
    """`nbgrader generate_feedback`: makes the pages that are missing or out of date, and names those that are not."""

    def start(self) -> None:
        """Make the pages, and end with a summary."""
        self._made: list[str] = []
        self._kept: list[str] = []
        self._digest = ""
        assignment = self.coursedir.assignment_id
        details = Path("reports", f"{assignment}.log")
        with told(self.log, self.course.root / details):
            try:
                doctor.writable(self.course.root / self.coursedir.feedback_directory)
                dates.settle(self.course, assignment, self.coursedir.db_url)
            except ConfigError as error:
                self.log.error("%s", error)
                raise NbGraderException(str(error)) from None
            try:
                with interrupt.watched():
                    super().start()
            except KeyboardInterrupt:
                self.log.error(
                    "Stopped: %d pages made; `nbgrader generate_feedback %s` goes on there", len(self._made), assignment
                )
                sys.exit(interrupt.STATUS)
            if self._kept:
                self.log.warning(
                    "%s. To make them anew: `nbgrader generate_feedback %s --force`",
                    f"Up to date, and left as they are: {named(self._kept)}",
                    assignment,
                )
            self.log.info("%s: %d pages made, %d up to date", assignment, len(self._made), len(self._kept))

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Return whether the pages of a submission are to be made; old ones are then removed."""
        self._digest = self._shown(assignment_id, student_id)
        folder = Path(self._format_dest(assignment_id, student_id))
        pages = [folder / f"{Path(notebook).stem}.html" for notebook in self.notebooks]
        known = None
        with suppress(OSError, UnicodeDecodeError):
            known = (folder / MADE).read_text(encoding="utf-8")
        if not self.force and known == self._digest and all(page.is_file() for page in pages):
            self._kept.append(student_id)
            return False
        force, self.force = self.force, True
        try:
            return super().init_destination(assignment_id, student_id)
        finally:
            self.force = force

    def set_permissions(self, assignment_id: str, student_id: str) -> None:
        """End a submission, all of whose pages are written: from now on they are up to date."""
        folder = Path(self._format_dest(assignment_id, student_id))
        (folder / MADE).write_text(self._digest, encoding="utf-8")
        super().set_permissions(assignment_id, student_id)
        self._made.append(student_id)
        self.log.info(
            "%s: %s",
            one_line(student_id),
            ", ".join(f"{Path(name).stem}.html" for name in self.notebooks),
            extra=DETAIL,
        )

    def _shown(self, assignment: str, student: str) -> str:
        """Return the digest of all that the pages of a submission show."""
        found = hashlib.sha256(_kit())
        for notebook in self.notebooks:
            found.update(hashlib.sha256(Path(notebook).read_bytes()).digest())
            report = self.course.root / "reports" / student / assignment / f"{Path(notebook).stem}.json"
            with suppress(OSError):  # without it the page gives no reasons
                found.update(hashlib.sha256(report.read_bytes()).digest())
        rows: list[object] = [
            self.course.show_mark_schemes,
            self.course.course_id,
            self.course.time_zone,
            self.course.late_grace_minutes,
        ]
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook, suppress(MissingEntry):
            submission = gradebook.find_submission(assignment, student)
            who = submission.student
            rows += [who.first_name, who.last_name, submission.timestamp, submission.duedate]
            for one in submission.notebooks:
                rows.append(one.late_submission_penalty)
                rows += [[g.name, *(getattr(g, key) for key in SHOWN_OF)] for g in sorted(one.grades, key=_name)]
                rows += [[c.name, c.auto_comment, c.manual_comment] for c in sorted(one.comments, key=_name)]
        found.update(json.dumps(rows, default=str).encode())
        return found.hexdigest()


def _name(row) -> str:
    return row.name


@functools.cache
def _kit() -> bytes:
    """Return the digest of what makes a page of what it shows."""
    found = hashlib.sha256()
    for folder in (Path(__file__).parent, Path(__file__).parents[1] / "reporting"):
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            found.update(path.name.encode() + path.read_bytes())
    return found.digest()
