"""What lies beside a submission's notebook and is taken for its kernel: modules of the student's own, pictures of answers; see `checkpoints`, too.

What is not taken is named, with what was expected. Nothing here is executed.
"""

import importlib.metadata
import keyword
import os
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote

from autograder.intake.folder import COPY, PLATFORM, Folder, Refused, some
from autograder.kernel.failures import NotGraded, StudentError
from autograder.text import one_line

MAX_MODULES = 20
MODULE_LIMIT = 256 * 2**10  # bytes of a module
MAX_PICTURES = 20
PICTURES_LIMIT = 16 * 2**20  # bytes of all picture files of a notebook
PICTURES = {".png": b"\x89PNG\r\n\x1a\n", ".jpg": b"\xff\xd8\xff", ".jpeg": b"\xff\xd8\xff"}  # what each begins with
STARTUP = {"sitecustomize", "usercustomize", "ipython_config", "ipython_kernel_config", "jupyter_config", "conftest"}


@dataclass
class Beside:
    """What was taken for the kernel, what is said of it, and the trained models that cannot be judged, each with the reason."""

    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)  # nothing was handed in, by the notebook's variable
    unclear: dict[str, str] = field(default_factory=dict)  # a person has to decide

    def __iadd__(self, other: "Beside") -> "Beside":
        self.files |= other.files
        self.notes += other.notes
        self.missing |= other.missing
        self.unclear |= other.unclear
        return self

    @property
    def unjudged(self) -> dict[str, Exception]:
        """What is raised where a trained model is asked about that cannot be judged, by the notebook's variable."""
        found: dict[str, Exception] = {name: StudentError(why) for name, why in self.missing.items()}
        return found | {name: NotGraded(why) for name, why in self.unclear.items()}


def find_modules(folder: Folder, given: Collection[str]) -> Beside:
    """Return the student's own modules beside the notebook and in folders there, for the kernel; none that has the name of something given.

    Args:
        folder: of the notebook.
        given: paths that the kernel gets from the instructor.
    """
    result = Beside()
    try:
        paths = [path for path in folder.paths() if path.lower().endswith(".py")]
    except Refused:
        return result  # said of the notebook already
    taken = {path.split("/")[0].removesuffix(".py").lower() for path in given}
    left_out = []
    for path in paths:
        *parts, name = path.split("/")
        target = "/".join((*parts, PLATFORM.sub("", name, count=1)))
        if not _module(target):
            target = f"{COPY.sub('', target[:-3])}.py"
        first = target.split("/")[0].removesuffix(".py")
        if parts and parts[0].lower() in taken:
            continue  # a copy of what is given, as `lab/` is
        if first.lower() in taken:
            left_out.append(f"{one_line(path)}: the given {first} counts")
        elif not _module(target):
            left_out.append(f"{one_line(path)}: expected a name that can be imported")
        elif first in sys.stdlib_module_names or first in STARTUP or first in _installed():
            left_out.append(f"{one_line(path)}: {first} is a name of Python or of an installed package")
        elif target in result.files:
            left_out.append(f"{one_line(path)}: another file is {target}")
        elif len(result.files) == MAX_MODULES:
            left_out.append(f"{one_line(path)}: {MAX_MODULES} modules are allowed")
        else:
            try:
                result.files[target] = folder.read(path, MODULE_LIMIT)
            except Refused as refusal:
                left_out.append(str(refusal))
    if result.files:
        result.notes.append(f"Modules of the student's own were taken: {some(result.files)}.")
    result.notes += [f"Not taken: {reason}." for reason in left_out[:MAX_MODULES]]
    return result


def pictures(folder: Folder, text: str) -> tuple[dict[str, bytes], list[str]]:
    """Return copies of the picture files that a text names, by path, and what was left out and why."""
    files, notes, limit = {}, [], PICTURES_LIMIT
    for path in folder.paths():
        begin = PICTURES.get(Path(path).suffix.lower())
        if begin is None or path.endswith("/") or not (path in text or quote(os.fsencode(path)) in text):
            continue
        try:
            if len(files) == MAX_PICTURES:
                raise Refused(f"{path} was left out: {MAX_PICTURES} pictures are allowed")
            content = folder.read(path, limit)
            if not content.startswith(begin):
                raise Refused(f"{path} was left out: it is not what its name says, a PNG or JPEG picture")
        except Refused as refusal:
            notes.append(f"{refusal}.")
        else:
            files[path] = content
            limit -= len(content)
    return files, notes


def _module(path: str) -> bool:
    parts = path.removesuffix(".py").split("/")
    return all(part.isascii() and part.isidentifier() and not keyword.iskeyword(part) for part in parts)


@cache
def _installed() -> frozenset[str]:
    return frozenset(importlib.metadata.packages_distributions())
