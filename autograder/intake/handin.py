"""What was handed in since a submission was graded, and what was handed in at the wrong place."""

import hashlib
import os
import stat
from collections.abc import Collection
from pathlib import Path

from autograder.intake.folder import Folder, Refused

MAX_FILES = 5000  # of a submission, in the order of their paths
WHOLE_LIMIT = 2**30  # bytes of a submission that are read; a file beyond them counts by its size and time
BLOCK = 2**20


def digest(folder: Folder) -> str:
    """Return a digest of a submission's files, by path and content; empty where there is no folder. No link is followed."""
    try:
        with folder.opened() as descriptor:
            return _digest(descriptor)
    except (Refused, OSError):
        return ""


def misplaced(submitted: Path, assignment: str, notebooks: Collection[str], others: Collection[str]) -> dict[str, str]:
    """Return the students of whom a notebook lies where no submission is looked for, each with what to do.

    Args:
        submitted: the folder of all submissions.
        assignment: the one that is graded.
        notebooks: names of the release's notebooks, as vae.ipynb.
        others: the course's other assignments, whose misplaced notebooks are theirs.
    """
    theirs = {f"{other}.ipynb" for other in others}
    found = {}
    for student in sorted(_folders(submitted)):
        if student in (assignment, *others) or (submitted / student / assignment).is_dir():
            continue
        names = [name for name in _notebooks(submitted / student) if name in notebooks or name not in theirs]
        if names:
            name = next((name for name in names if name in notebooks), names[0])
            found[student] = (
                f"{name} lies one level too high, in {submitted.name}/{student}/. "
                f"Move it, with its checkpoints, to {submitted.name}/{student}/{assignment}/, and grade again"
            )
    return found


def unclaimed(submitted: Path, assignment: str, notebooks: Collection[str]) -> list[str]:
    """Return what to do about notebooks that lie in the folder of all submissions, or in the order <assignment>/<student>."""
    said = [
        f"{submitted.name}/{name} belongs to no student: move it to {submitted.name}/<student>/{assignment}/{name}"
        for name in _notebooks(submitted)
        if name in notebooks
    ]
    turned = submitted / assignment
    if turned.is_dir() and not (turned / assignment).is_dir():
        said += [
            f"{submitted.name}/{assignment}/{student}/ has the folders in the wrong order: "
            f"move it to {submitted.name}/{student}/{assignment}/"
            for student in sorted(_folders(turned))
            if _notebooks(turned / student)
        ]
    return said


def _folders(path: Path) -> list[str]:
    if not path.is_dir():
        return []
    with os.scandir(path) as entries:
        return [e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith(".")]


def _notebooks(path: Path) -> list[str]:
    if not path.is_dir():
        return []
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if e.is_file(follow_symlinks=False) and e.name.lower().endswith(".ipynb"))


def _digest(descriptor: int) -> str:
    sha, files, room = hashlib.sha256(), 0, WHOLE_LIMIT
    for path, folders, names, inside in os.fwalk(".", dir_fd=descriptor, follow_symlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            files += 1
            if files > MAX_FILES:
                return sha.hexdigest()
            info = os.stat(name, dir_fd=inside, follow_symlinks=False)
            sha.update(f"{os.path.join(path, name)!r} {stat.S_IFMT(info.st_mode)} {info.st_size}\n".encode())
            if stat.S_ISREG(info.st_mode) and info.st_size <= room:
                room -= info.st_size
                _add(sha, name, inside)
            else:
                sha.update(f"{info.st_mtime_ns}\n".encode())
    return sha.hexdigest()


def _add(sha, name: str, folder: int) -> None:
    """Add a file's content, at most the bytes that it is allowed; one that changed its kind meanwhile cannot be opened, or is empty."""
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    try:
        left = os.fstat(file).st_size
        while left > 0 and (block := os.read(file, min(BLOCK, left))):
            sha.update(block)
            left -= len(block)
    finally:
        os.close(file)
