"""Keeps what examinations found, so that none is done twice: by plain `nbgrader autograde`, beside each other, or after a crash.

examined/<student>/<assignment>/<notebook>.json holds the last finished one, under a digest of all that decided it: the submission as
it was taken in, what it is examined with, the configuration, the course's secret, and versions. Another digest: examined again.
A file gets its name when it is whole; nothing in it is trusted to be readable.
"""

import functools
import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import nbformat

from autograder.course import ROOT, Course
from autograder.publish import attached
from autograder.reporting.report import Report
from autograder.reporting.shared import Seen

FOLDER = "examined"
# of the configuration: what changes nothing that an examination finds
INDIFFERENT = {
    "course_id",
    "secret",
    "data",
    "root",
    "gradebook",
    "show_mark_schemes",
    "submission_time",
    "assignments",
    "due",
    "time_zone",
    "late_share_per_day",
    "late_grace_minutes",
    "roster",
}
PACKAGES = ("torch", "torchvision", "numpy", "nbgrader", "ipykernel")


@dataclass(frozen=True)
class Examination:
    """All that one examination is given; see `examine.examine`."""

    course: Course
    notebook: nbformat.NotebookNode
    files: Mapping[str, bytes]
    student: str
    assignment: str
    name: str
    unjudged: Mapping[str, Exception]

    @property
    def path(self) -> Path:
        """Where its result is kept."""
        return self.course.root / FOLDER / self.student / self.assignment / f"{self.name}.json"

    @functools.cached_property
    def digest(self) -> str:
        """Digest of all that decides the result."""
        found = hashlib.sha256()
        decided = self.course.model_dump(mode="json", exclude=INDIFFERENT)
        unjudged = {name: [type(why).__name__, str(why)] for name, why in self.unjudged.items()}
        who = [self.student, self.assignment, self.name, decided, unjudged, _kit(self.assignment, self.course.root)]
        for part in (json.dumps(who, sort_keys=True), self.course.key, nbformat.writes(self.notebook)):
            found.update(hashlib.sha256(part.encode("utf-8", "surrogatepass")).digest())
        for name, content in sorted(self.files.items()):
            found.update(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest())
            found.update(hashlib.sha256(content).digest())
        return found.hexdigest()


@dataclass
class Run:
    """What one run of `nbgrader autograde` knows of its examinations, by digest.

    Attributes:
        examined: those that were done in this run, beside each other; their results count, also where they are "not graded".
        lost: why others could not be done.
        anew: whether results of earlier runs do not count.
        seen: weights of the class, by assignment and notebook.
    """

    examined: set[str] = field(default_factory=set)
    lost: dict[str, str] = field(default_factory=dict)
    anew: bool = False
    seen: dict[tuple[str, str], Seen] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict) -> "Run":
        """Stay the same in the copies of its resources that nbconvert makes for each notebook."""
        return self


def result(examination: Examination, run: Run) -> tuple[Report, nbformat.NotebookNode] | None:
    """Return the report and the executed notebook that a run may take for those of this examination; None where there are none."""
    done = examination.digest in run.examined
    if run.anew and not done:
        return None
    found = _load(examination)
    return found if found is not None and (done or found[0].graded) else None


def report(path: Path) -> Report | None:
    """Return the report of a kept result, of whatever examination it is; None where it cannot be read."""
    try:
        return Report.model_validate(json.loads(path.read_text(encoding="utf-8"))["report"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _load(examination: Examination) -> tuple[Report, nbformat.NotebookNode] | None:
    try:
        kept = json.loads(examination.path.read_text(encoding="utf-8"))
        if kept["digest"] != examination.digest:
            return None
        return Report.model_validate(kept["report"]), nbformat.from_dict(kept["notebook"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none, or what is no result
        return None


def save(examination: Examination, report: Report, notebook: nbformat.NotebookNode) -> None:
    """Keep a result; the last one of a notebook is kept."""
    path = examination.path
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {"digest": examination.digest, "report": report.model_dump(mode="json"), "notebook": notebook}
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".unfinished")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(kept, file)
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def changed(assignment: str, root: Path) -> bool:
    """Return whether what examines, or what every submission is examined with, is another than when this process looked first."""
    return _kit(assignment, root) != _kit.__wrapped__(assignment, root)


@functools.cache
def _kit(assignment: str, root: Path) -> str:
    """Return the digest of what examines, and of what every submission of an assignment is examined with."""
    found = hashlib.sha256(platform.python_version().encode())
    for package in PACKAGES:
        found.update(f"{package} {version(package)}\0".encode())
    for folder in (ROOT / "autograder", ROOT / "lab"):
        for path in sorted(folder.rglob("*.py")):
            found.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    own = [path for of in ("release", "source") for path in sorted((root / of / assignment).glob("*.ipynb"))]
    for path in (*own, ROOT / "solutions" / "reference.yaml"):
        found.update(path.name.encode() + path.read_bytes())
    for name, content in sorted(attached(assignment, root).items()):
        found.update(name.encode() + content)
    return found.hexdigest()
