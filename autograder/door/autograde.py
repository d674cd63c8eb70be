"""`nbgrader autograde` with what it lacks: it knows what is to be graded again and goes on after any failure.

nbgrader has no option for it, so `door.configure` puts this class in the place of its own. What happens to one submission is not
here: `exporter` opens and `preprocessors` examines it.
"""

import copy
import json
import re
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
from filelock import FileLock, Timeout
from nbgrader import converters
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.base import NbGraderException
from nbgrader.utils import rmtree
from sqlalchemy.exc import OperationalError
from traitlets import Bool, Dict, Int, Unicode

from autograder import interrupt
from autograder.course import ConfigError
from autograder.door import dates
from autograder.door.configured import Configured
from autograder.door.export import without_score
from autograder.door.generate import enter
from autograder.door.news import DETAIL, told
from autograder.examine import array, cluster, job, stored
from autograder.examine.examine import refused
from autograder.examine.job import Job
from autograder.examine.stored import Examination, Run
from autograder.intake import handin
from autograder.intake.folder import Folder
from autograder.intake.submission import handed_in
from autograder.reporting.progress import Progress, left, result
from autograder.reporting.report import Report
from autograder.text import named, one_line, printable

LOCKED = "the gradebook was in use by another program, or could not be written ({error}). Nothing is lost: grade again"


class Autograde(Configured, converters.Autograde):
    """`nbgrader autograde`: examines what is new, changed, or without a grade, and names what it skips.

    `python -m autograder grade` sets `where`: then examinations are done beside each other first, and graded one after the other.
    """

    where = Dict(
        per_key_traits={"workers": Int(), "scheduler": Unicode(), "slurm": Unicode()},
        help="fields of examine.cluster.Where; empty: one examination after the other",
    ).tag(config=True)
    array = Bool(help="write what is to be examined, print an sbatch script that examines it, and grade nothing").tag(
        config=True
    )

    def start(self) -> None:
        """Grade; Ctrl-C ends the run in one line, with exit status 130."""
        self._original = self.coursedir  # intake shows a staging folder in its place
        self._done: list[str] = []
        self._skipped: list[str] = []
        self._failed: list[str] = []
        self._ungraded: list[str] = []
        self._said: set[str] = set()
        self._student = ""
        self._todo: dict[str, str] = {}  # by the place of a submission, why it is examined
        self._run = Run(anew=self.force)
        try:
            with interrupt.watched(), told(self.log, self.course.root / self._details):
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
            self._settled()
        except (ConfigError, OperationalError) as error:
            message = LOCKED.format(error=error.orig) if isinstance(error, OperationalError) else str(error)
            self.log.error("%s", message)
            raise NbGraderException(message) from None
        with self._alone():
            self._plan()
            if self.array:
                self._print_array()
                return
            if self.where:
                with interrupt.allowed():
                    self._examine_beside_each_other()
            try:
                self._examine_all()
            finally:
                standing = self._settled()
        self._tell(standing)

    def _settled(self) -> dates.Standing:
        """Put people, dates and penalties into the gradebook, and return who is late or missing."""
        try:
            with interrupt.held():
                return dates.settle(self.course, self._original.assignment_id, self.coursedir.db_url)
        except OperationalError as error:
            self.log.error("People and dates are not in the gradebook yet: %s", LOCKED.format(error=error.orig))
            return dates.Standing({}, [], [])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other run of this assignment out of the folder."""
        assignment = self._original.assignment_id
        path = self.course.root / stored.FOLDER / f".{assignment}.lock"
        path.parent.mkdir(exist_ok=True)
        try:
            with FileLock(path, timeout=0):
                yield
        except Timeout:
            message = f"Another run is grading {assignment} in this folder. Wait for its end, or stop it, and start again; nothing was changed"
            self.log.error("%s", message)
            raise NbGraderException(message) from None

    def _plan(self) -> None:
        """Decide which submissions this run examines, and why; the others are skipped."""
        assignment, whys = self.coursedir.assignment_id, {}
        for place in sorted(self.assignments):
            self.notebooks = sorted(self.assignments[place])
            student = self._whose(place)
            self._digest = handin.digest(self._folder(student))
            whys[place] = "asked for by --force" if self.force else self._why(assignment, student)
        standing = [self._whose(place) for place, why in whys.items() if not why]
        try:
            scored = self._scored(assignment, standing)
        except OperationalError as error:  # whether they have their grades is not known, so that stays as it is
            for student in standing:
                self.log.error("%s: not looked at: %s", one_line(student), LOCKED.format(error=error.orig))
            self._failed += standing
            whys = {place: why for place, why in whys.items() if why}
        for place, why in whys.items():
            student = self._whose(place)
            if why:
                self._todo[place] = why
            elif student in scored:
                self._skipped.append(student)
            else:
                self._todo[place] = "graded again, as the gradebook has no grade of it"

    def _examine_all(self) -> None:
        started = time.monotonic()
        for number, (place, why) in enumerate(self._todo.items(), 1):
            self.notebooks = sorted(self.assignments[place])
            student = self._whose(place)
            self._digest = handin.digest(self._folder(student))
            self.log.info("%s: %s", one_line(student), why, extra=DETAIL)
            self._student = student
            try:
                with interrupt.held():  # but for the examination itself: no grade is half stored
                    self.init_destination(self.coursedir.assignment_id, student)
                    self._examine(self.coursedir.assignment_id, student)
                    self._done.append(student)
                    self._student = ""
            except KeyboardInterrupt:
                if self._student:
                    self._forget(self.coursedir.assignment_id, student)
                raise
            except OperationalError as error:
                self._not_graded(student, LOCKED.format(error=error.orig), "")
            except OSError as error:
                self._not_graded(student, f"a file could not be written ({error})", traceback.format_exc())
            except Exception as error:  # ours: nobody loses a point for it
                self._not_graded(student, f"an error of the grader ({type(error).__name__})", traceback.format_exc())
            else:
                self._say(student, f"{number} of {len(self._todo)}{left(started, number, len(self._todo))}")
            self._student = ""
            interrupt.check()

    def _say(self, student: str, count: str) -> None:
        """Say what came of a submission; of one that was examined beside others that was said when it ended."""
        for notebook in self.notebooks:
            report = Report.load(self._report(student, Path(notebook).stem))
            self._ungraded += [student] * (not report.graded)
            self.log.info("%s (%s)", result(student, report), count, extra=DETAIL if student in self._said else {})

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Remove what an earlier run left of a submission that is examined."""
        force, self.force = self.force, True
        try:
            return super().init_destination(assignment_id, student_id)
        finally:
            self.force = force

    def init_single_notebook_resources(self, notebook_filename: str) -> dict:
        """Return nbgrader's resources with the digest of what is examined."""
        resources = super().init_single_notebook_resources(notebook_filename)
        resources["nbgrader"] |= {"digest": self._digest, "run": self._run}
        return resources

    def _examine_beside_each_other(self) -> None:
        """Examine all that this run is to examine on many workers; grading them then finds the results."""
        todo = [(place, path) for place in self._todo for path in sorted(self.assignments[place])]
        with Progress(len(todo)) as progress:

            def jobs() -> Iterator[Job]:
                for one in self._examinations(todo):
                    if one is None or stored.result(one, self._run) is not None:
                        progress.passed()
                    else:
                        yield job.write(one)

            def ended(one: Job, why: str) -> None:
                if why:
                    self._run.lost[one.digest] = why
                else:
                    self._run.examined.add(one.digest)
                self._said.add(one.student)
                progress.ended(one.student, stored.report(one.result), why)

            cluster.examine(self.course, jobs(), cluster.Where(**self.where), len(todo), ended)

    def _print_array(self) -> None:
        """Write all that this run would examine, and print a script of Slurm that examines it."""
        todo = [(place, path) for place in self._todo for path in sorted(self.assignments[place])]
        jobs = [
            job.write(one)
            for one in self._examinations(todo)
            if one is not None and stored.result(one, self._run) is None
        ]
        assignment = self._original.assignment_id
        if not jobs:
            self.log.info("Nothing is to be examined: `python -m autograder grade %s` stores what is there", assignment)
            return
        print(array.script(assignment, self.course, [one.path for one in jobs]), flush=True)

    def _examinations(self, todo: list[tuple[str, str]]) -> Iterator[Examination | None]:
        """Yield examinations of notebooks as `Examine` will be given them; None for what cannot be opened, which is left to it."""
        for place, path in todo:
            try:
                one = self._examination(self._whose(place), path)
            except Exception:  # ours, or the gradebook's: told when its turn comes, and costs no other submission
                one = None
            yield one

    def _examination(self, student: str, path: str) -> Examination | None:
        """Return the examination of a notebook as `Examine` will be given it; None where it cannot be opened."""
        self._digest = handin.digest(self._folder(student))
        resources = self.init_single_notebook_resources(path)
        who = resources["nbgrader"]
        self._sanitizing = True
        self._init_preprocessors()
        text, resources = self.exporter.from_filename(path, resources=resources)
        submission = copy.deepcopy(self.exporter.taken(student, Path(path).name))
        if submission.refusal:
            return None
        notebook = nbformat.reads(text, as_version=4)
        beside = handed_in(self.course, notebook, submission, who["assignment"])
        known = {"student": student, "assignment": who["assignment"], "name": who["notebook"]}
        return Examination(self.course, notebook, beside.files, unjudged=beside.unjudged, **known)

    def _examine(self, assignment: str, student: str) -> None:
        self.run_pre_convert_hook()
        self.init_assignment(assignment, student)
        for notebook in self.notebooks:
            self.convert_single_notebook(notebook)
        self.set_permissions(assignment, student)
        self.run_post_convert_hook()

    def _why(self, assignment: str, student: str) -> str:
        """Return why a submission is to be examined; empty where its report stands."""
        for notebook in self.notebooks:
            name = Path(notebook).stem
            if not _finished(Path(self._format_dest(assignment, student), f"{name}.ipynb")):
                return "not graded yet"
            try:
                report = Report.load(self._report(student, name))
            except (OSError, ValueError):
                return "graded again, as its report is missing"
            if not report.graded:
                return "examined again, as it could not be graded before"
            if report.submission != self._digest:
                return "graded again, as something else was handed in since"
        return ""

    def _scored(self, assignment: str, students: list[str]) -> set[str]:
        """Return those students of whose submission the gradebook has the automatic scores."""
        found = set()
        # opened once, so that what all share is read once
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            for student in students:
                with suppress(MissingEntry):
                    if not without_score(gradebook.find_submission(assignment, student)):
                        found.add(student)
        return found

    def _not_graded(self, student: str, reason: str, detail: str) -> None:
        """Leave a submission not graded, with the reason in its report, and nothing of the failed try."""
        self.log.error("%s: not graded: %s", one_line(student), printable(reason))
        self._failed.append(student)
        assignment = self._original.assignment_id
        try:
            self._leave_not_graded(assignment, student, reason, detail)
        except OSError as error:
            self.log.error("%s: that could not be written, either (%s)", one_line(student), error)

    def _leave_not_graded(self, assignment: str, student: str, reason: str, detail: str) -> None:
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

    def _tell(self, standing: dates.Standing) -> None:
        """Name who is late or missing, what was skipped, and what could not be graded.

        Raises:
            NbGraderException: something could not be graded because of an error of ours, or of the gradebook.
        """
        assignment = self._original.assignment_id
        if (self._done or self._run.examined) and stored.changed(assignment, self.course.root):
            self.log.warning(
                "source/, the suite or the kit changed while this run went on, so its grades may not be alike. "
                "To grade all as it is now: `nbgrader autograde %s --force`",
                assignment,
            )
        for line in standing.lines():
            self.log.info("%s", line)
        if self._skipped:
            self.log.warning(
                "Skipped, as graded before and not handed in anew: %s. To grade again: `nbgrader autograde %s --force`",
                named(self._skipped),
                assignment,
            )
        if self._done:
            self.log.info(
                "%s: %d graded, %d not graded, %d skipped. `python -m autograder grades %s` says more; details are in %s",
                assignment,
                len(self._done) - len(self._ungraded),
                len(self._ungraded) + len(self._failed),
                len(self._skipped),
                assignment,
                self._details,
            )
        if self._failed:
            message = f"Not graded for no fault of theirs: {named(self._failed)}; `nbgrader autograde {assignment}` tries them again"
            self.log.error("%s", message)
            raise NbGraderException(message)

    @property
    def _details(self) -> Path:
        """The file, from the course's folder on, that holds all that runs of this assignment say."""
        return Path("reports", f"{self._original.assignment_id}.log")

    def _report(self, student: str, notebook: str) -> Path:
        return self.course.root / "reports" / student / self._original.assignment_id / f"{notebook}.json"

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


def _finished(path: Path) -> bool:
    """Return whether grading a notebook came to its end: what it ends with is written after the scores are stored."""
    try:
        return any(cell.get("id") == "result" for cell in json.loads(path.read_text(encoding="utf-8"))["cells"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
