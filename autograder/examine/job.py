"""One examination as a file, and as a process of its own: `python -m autograder.examine.job FILE`.

So it can be done anywhere that sees the course's folder: beside others on this machine, by the workers of `cluster`, or on another one
as a task of `array`. What is found is kept by `stored`; the process prints why nothing was found. The files are ours, but their content is a
submission's: plain JSON and bytes.
"""

import importlib
import json
import os
import signal
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from pydantic import SecretStr

from autograder.course import Course
from autograder.examine import apart, stored
from autograder.examine.stored import Examination
from autograder.kernel import failures

LOST = 3  # exit status: not examined, and not because of the submission; the last line printed is the reason


@dataclass(frozen=True)
class Job:
    """An examination that lies in a file.

    Attributes:
        student, name, digest: of the examination.
        path: of the file. result: where what is found will be kept.
    """

    student: str
    name: str
    digest: str
    path: Path
    result: Path


def write(examination: Examination) -> Job:
    """Write an examination to a file beside its result, for this user alone."""
    path = examination.path.with_suffix(".job")
    path.parent.mkdir(parents=True, exist_ok=True)
    course = examination.course
    plain = course.model_dump(mode="json") | {"secret": course.key}
    unjudged = {name: [type(why).__name__, str(why)] for name, why in examination.unjudged.items()}
    who = {"student": examination.student, "assignment": examination.assignment, "name": examination.name}
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".unfinished")
    with open(descriptor, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("known.json", json.dumps({"course": plain, "who": who, "unjudged": unjudged}))
        archive.writestr("notebook.ipynb", nbformat.writes(examination.notebook).encode("utf-8", "surrogatepass"))
        archive.writestr("files.json", json.dumps(list(examination.files)))
        for i, content in enumerate(examination.files.values()):
            archive.writestr(f"file{i}", content)
    os.replace(partial, path)
    return Job(examination.student, examination.name, examination.digest, path, examination.path)


def read(path: Path) -> Examination:
    """Return the examination written to a file."""
    with zipfile.ZipFile(path) as archive:
        known = json.loads(archive.read("known.json"))
        notebook = nbformat.reads(archive.read("notebook.ipynb").decode("utf-8", "surrogatepass"), as_version=4)
        names = json.loads(archive.read("files.json"))
        files = {name: archive.read(f"file{i}") for i, name in enumerate(names)}
    unjudged = {name: getattr(failures, kind)(text) for name, (kind, text) in known["unjudged"].items()}
    return Examination(_course(known["course"]), notebook, files, unjudged=unjudged, **known["who"])


def _course(plain: dict) -> Course:
    """Return the configuration as it was when the job was written, whatever this machine's environment says."""
    kinds = {"secret": SecretStr, "data": Path, "root": Path, "assignments": tuple}
    return Course.model_construct(
        **{name: kinds.get(name, lambda value: value)(value) for name, value in plain.items()}
    )


def do(path: Path, start: str, log: Callable[[str], None] = lambda line: None) -> None:
    """Examine what lies in a file, in a process of its own, and keep the result.

    Args:
        path: of the file.
        start: of the process; see `apart.run`.
        log: called with a line whenever something was done.
    Raises:
        apart.Lost: the examination did not come to its end.
    """
    one = read(path)
    who = {"student": one.student, "assignment": one.assignment, "name": one.name}
    given = (one.course, one.notebook, dict(one.files))
    report, notebook = apart.examined(*given, **who, unjudged=one.unjudged, log=log, start=start)
    stored.save(one, report, notebook)


def main(path: str) -> int:
    """Do one examination, print what is done, and return the exit status."""
    signal.signal(signal.SIGTERM, _leave)
    importlib.import_module("autograder.examine.warm")  # what is forked from here; not for who only writes a job
    try:
        do(Path(path), apart.FORKED, lambda line: print(line, flush=True))
    except apart.Lost as lost:
        print(lost)
        return LOST
    return 0


def _leave(number, frame) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt  # so that the kernels end on the way out


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
