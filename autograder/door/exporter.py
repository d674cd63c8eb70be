"""The exporter that `nbgrader autograde` opens submissions with.

nbgrader is shown a staging folder in the place of submitted/: for each submission the release's notebooks, empty, and the time that
counts. What is graded is read from submitted/ itself, at the moment it is graded; what cannot be read becomes a refusal, which `Examine`
turns into "not graded" with the reason, and the run goes on. Not here: how a submission is read, which is the intake's.
"""

import copy
import fnmatch
import glob
import os
import re
import shutil
import tempfile
import unicodedata
import weakref
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.converters.base import NbGraderException
from nbgrader.utils import is_solution

from autograder import doctor
from autograder.course import ConfigError
from autograder.door.configured import Configured
from autograder.intake.beside import pictures
from autograder.intake.cells import fit_to_release
from autograder.intake.checkpoints import models
from autograder.intake.folder import Folder, Refused, some
from autograder.intake.submission import Submission, Undecided, find_notebook
from autograder.intake.times import SMALL_LIMIT, Arrival, submission_time
from autograder.text import one_line

ANSWERS_LIMIT = 10**6  # characters of written answers in which the names of picture files are looked for


def listed_time(api, assignment_id: str, student_id: str) -> datetime | None:
    """Return the time that counts of a submission, for formgrader's lists.

    It takes the place of a method of nbgrader's API that opens whatever has the name timestamp.txt: a FIFO stops formgrader's server,
    and other text its list of submissions; a time that does not count is shown as a submission that waits to be graded.
    """
    coursedir = api.coursedir
    folder = Folder.of(coursedir, coursedir.format_path(coursedir.submitted_directory, student_id, assignment_id))
    release = Path(coursedir.format_path(coursedir.release_directory, ".", assignment_id))
    names = [path.name for path in release.glob("*.ipynb")]
    try:
        return submission_time(folder, names, api.config.Configured.course.submission_time == "collected").time
    except (Refused, OSError):
        return None


class Intake(Configured, NotebookExporter):
    """The exporter that `nbgrader autograde` opens notebooks with; made once a run, it checks the course and stages the submissions."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        try:
            doctor.preflight(self.course, self.parent.coursedir)
            self._stage()
        except ConfigError as error:
            for line in str(error).splitlines():
                self.log.error(line)
            raise NbGraderException(str(error)) from None

    def _stage(self) -> None:
        """Show the converter a staging folder in the place of submitted/.

        Raises:
            ConfigError: no notebook of the release has the name that was asked for.
        """
        converter, original = self.parent, self.parent.coursedir
        assignment, wanted = original.assignment_id, original.notebook_id
        release = Path(original.format_path(original.release_directory, ".", assignment))
        self._release = {path.name: nbformat.read(path, as_version=4) for path in sorted(release.glob("*.ipynb"))}
        names = fnmatch.filter(self._release, f"{wanted}.ipynb")
        if not names:
            raise ConfigError(f"release/{assignment}: no notebook matches {wanted!r}; there are {some(self._release)}.")
        self._submissions = {student: Submission(folder) for student, folder in self._found()}
        for student, why in converter.misplaced().items():
            place = original.format_path(original.submitted_directory, student, assignment)
            self._submissions.setdefault(student, Submission(Folder.of(original, place), refusal=why))
        self._taken: dict[tuple[str, str], Submission] = {}  # by student and notebook
        staged = copy.copy(original)  # formgrader's server keeps the original and goes on using it
        staged.submitted_directory = tempfile.mkdtemp(prefix="submitted-")
        weakref.finalize(self, shutil.rmtree, staged.submitted_directory, ignore_errors=True)
        converter.coursedir = staged
        places, arrivals = {}, {}
        for student, submission in self._submissions.items():
            place = converter._format_source(assignment, student)
            os.makedirs(place)
            for name in self._release:
                Path(place, name).touch()
            with suppress(Refused):  # the folder's; said again of each notebook when that is to be opened
                arrivals[student] = self._stage_texts(submission, Path(place))
            places[place] = [os.path.join(place, name) for name in names]
        self._say_times(arrivals)
        converter.assignments = places

    def _found(self) -> Iterator[tuple[str, Folder]]:
        """Yield students and the folders of their submissions, also where the converter saw no notebook and passed them over."""
        converter, coursedir = self.parent, self.parent.coursedir
        pattern = re.compile(converter._format_source(".*", "(?P<student>.*)", escape=True), re.DOTALL)
        for path in glob.glob(converter._format_source(coursedir.assignment_id, coursedir.student_id)):
            student = pattern.fullmatch(path)["student"]
            if any(unicodedata.category(character) in ("Cc", "Cs") for character in student):
                self.log.error(
                    "%s: not graded: the name holds control characters. Rename the folder", one_line(student)
                )
            elif student not in coursedir.student_id_exclude.split(","):
                yield student, Folder.of(coursedir, path)

    def _stage_texts(self, submission: Submission, place: Path) -> Arrival:
        arrival = submission_time(submission.top, self._release, self.course.submission_time == "collected")
        if arrival.time is not None:
            (place / "timestamp.txt").write_text(f"{arrival.time} UTC")
        with suppress(Refused, UnicodeDecodeError):  # the exchange's, without which it cannot give feedback back
            secret = submission.top.read("submission_secret.txt", SMALL_LIMIT)
            (place / "submission_secret.txt").write_text(secret.decode())
        return arrival

    def _say_times(self, arrivals: dict[str, Arrival]) -> None:
        """Flag the submissions whose times disagree; not where a copy of the whole class explains it.

        A student reads of it only where the timestamp does not count.
        """
        copied = sum(arrival.copied for arrival in arrivals.values())
        class_was_copied = copied > 1 and 2 * copied > sum(arrival.time is not None for arrival in arrivals.values())
        for student, arrival in arrivals.items():
            if arrival.remark and not (arrival.copied and class_was_copied):
                self._submissions[student].flags.append(arrival.remark)
            if arrival.counts == "notebook" and arrival.remark:
                self._submissions[student].notes.append(arrival.remark)

    def taken(self, student: str, name: str) -> Submission:
        """Return what is known of a notebook that was opened."""
        return self._taken[student, name]

    def from_filename(self, filename, resources=None, **kwargs):
        """Return the notebook of a submission; one that cannot be read is replaced by the unsolved release and refused.

        The second pass over a notebook reads what the first one wrote, and finds its Submission in resources["submission"].
        """
        who = resources["nbgrader"]
        student, assignment, name = who["student"], who["assignment"], f"{who['notebook']}.ipynb"
        if not self.parent._sanitizing:
            resources["submission"] = self.taken(student, name)
            return super().from_filename(filename, resources, **kwargs)
        submission = self._taken[student, name] = copy.deepcopy(self._submissions[student])
        release = self._release[name]
        try:
            if submission.refusal:
                raise Refused(submission.refusal)
            path, notebook, flags = find_notebook(
                submission.top, name, release, self._release.keys() - {name}, self.course.notebook_limit_mib * 2**20
            )
        except Refused as refusal:
            submission.refusal = str(refusal)
            submission.flags += [str(refusal)] * isinstance(refusal, Undecided)
            notebook = release
        else:
            fitted = fit_to_release(notebook, release)
            notebook, submission.unplaced = fitted.notebook, fitted.unplaced
            if path != name:
                submission.notes.append(f"{one_line(path)} was taken as {name}.")
                submission.folder, _ = submission.top.holding(path)
            submission.notes += fitted.notes
            submission.flags += flags
            submission.models = models(release)
            resources["outputs"] = self._pictures(submission, notebook, assignment, student)
        resources["metadata"] = {"name": who["notebook"], "path": str(Path(filename).parent)}
        return self.from_notebook_node(notebook, resources, **kwargs)

    def _pictures(self, submission, notebook, assignment, student) -> dict[str, bytes]:
        """Return the picture files of the written answers for nbconvert's writer; the source's own stay as they are."""
        answers = "\n".join(
            cell.source for cell in notebook.cells if cell.cell_type == "markdown" and is_solution(cell)
        )
        files, notes = pictures(submission.folder, answers[:ANSWERS_LIMIT])
        submission.notes += notes
        coursedir = self.parent.coursedir
        source = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
        files = {path: content for path, content in files.items() if not (source / path).exists()}
        for path in files:  # an earlier run's are read-only
            Path(self.parent._format_dest(assignment, student), path).unlink(missing_ok=True)
        return files
