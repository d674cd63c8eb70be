"""What lies beside a submission's notebook: checkpoints wherever they came to lie, modules of the student's own, pictures of answers.

Taken is what is unambiguous, with a remark where it was not where or what it should be. What is not taken is named, with what was expected.
Nothing here is executed or unpickled; a checkpoint's header is looked at as data, within bounds.
"""

import ast
import importlib.metadata
import json
import keyword
import math
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote

from nbformat import NotebookNode

from autograder.intake.folder import Folder, Refused, some
from autograder.kernel.remote import NotGraded, StudentError
from autograder.text import one_line
from lab.checkpoints import HEADER_LIMIT
from lab.checkpoints import name as file_name

MAX_CHECKPOINTS = 32
MAX_MODULES = 20
MODULE_LIMIT = 256 * 2**10  # bytes of a module
MAX_PICTURES = 20
PICTURES_LIMIT = 16 * 2**20  # bytes of all picture files of a notebook
PICTURES = {".png": b"\x89PNG\r\n\x1a\n", ".jpg": b"\xff\xd8\xff", ".jpeg": b"\xff\xd8\xff"}  # what each begins with
# what learning platforms put before a file's name (Canvas, Moodle), and what they and browsers put behind it
PLATFORM = re.compile(r"[a-z]{1,80}(_LATE)?_\d{1,12}_\d{1,12}_|.{0,80}_\d{1,12}_assignsubmission_file_+", re.IGNORECASE)
COPY = re.compile(r"([-_]\d{1,3}| ?\(\d{1,3}\)| - Copy)$")
FILE = re.compile(
    r"(?P<model>[a-z_]{1,40})_k(?P<k>\d{1,4})_epochs(?P<epochs>\d{1,6})_seed(?P<seed>\d{1,9})", re.IGNORECASE
)
WEIGHTS = (
    ".safetensors",
    ".unfinished",
    ".pt",
    ".pth",
    ".ckpt",
    ".bin",
    ".npz",
    ".zip",
)  # of files that may be meant as weights
SETTING = r"^{}[ \t]*=[ \t]*(\w+)[ \t]*(?:#.*)?$"
SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2}
SIZES |= {"I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8}
STARTUP = {"sitecustomize", "usercustomize", "ipython_config", "ipython_kernel_config", "jupyter_config", "conftest"}


@dataclass(frozen=True)
class Model:
    """A model that an assignment's notebook trains: its variable, and the name and K of its checkpoint."""

    variable: str
    name: str
    k: int


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
        missing = {name: StudentError(why) for name, why in self.missing.items()}
        return missing | {name: NotGraded(why) for name, why in self.unclear.items()}


def models(release: NotebookNode) -> list[Model]:
    """Return the models that the released notebook trains with lab.fit, in its order."""
    found = []
    for cell in release.cells:
        tree = ast.Module([], [])
        with suppress(SyntaxError):  # a magic
            tree = ast.parse(cell.source if cell.cell_type == "code" else "")
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in ("fit", "lab.fit"):
                given = {item.arg: item.value.value for item in call.keywords if isinstance(item.value, ast.Constant)}
                if "name" in given and call.args and isinstance(call.args[0], ast.Name):
                    found.append(Model(call.args[0].id, given["name"], given.get("k", 1)))
    return list(dict.fromkeys(found))  # a check may call it, too


def checkpoints(folder: Folder, limit: int) -> tuple[dict[str, bytes], list[str]]:
    """Return copies of the files in the folder checkpoints/, at most `limit` bytes in all, and what was left out and why."""
    files, notes = {}, []
    if folder.status("checkpoints") is None:
        return files, notes
    try:
        names = folder.holding("checkpoints/")[0].entries()
    except Refused as refusal:
        return files, [f"{refusal}."]
    for name in [name for name in names if name.endswith(".safetensors")][:MAX_CHECKPOINTS]:
        path = f"checkpoints/{name}"
        try:
            files[path] = folder.read(path, limit)
            limit -= len(files[path])
        except Refused as refusal:
            notes.append(f"{refusal}.")
    return files, notes


def find_checkpoints(
    top: Folder, beside: Folder, trained: Collection[Model], code: str, epochs: int, limit: int
) -> Beside:
    """Return the checkpoints of a submission under the names that its notebook looks for.

    Args:
        top: the submission's folder, in which they are looked for everywhere.
        beside: the folder of the notebook.
        trained: the models of which one is expected.
        code: of the notebook's cells, in which EPOCHS and SEED may have been set.
        epochs: of the course's budget.
        limit: bytes of all of them.
    """
    result = Beside()
    paths = top.walk()
    _say_links(beside, result)
    inner = "/".join(beside.parts[len(top.parts) :])
    right = f"{inner}/checkpoints/".lstrip("/")
    named = [path for path in paths if _plain(path).endswith(".safetensors")]
    named.sort(key=lambda path: not path.startswith(right))
    contents, problems = {}, {}
    for path in named[:MAX_CHECKPOINTS]:
        try:
            contents[path] = top.read(path, limit)
            limit -= len(contents[path])
        except Refused as refusal:
            result.notes.append(f"{refusal}.")
            continue
        if problem := damage(contents[path]):
            problems[path] = f"{one_line(path)} is damaged: {problem}"
    if len(named) > MAX_CHECKPOINTS:
        result.notes.append(f"{len(named)} checkpoints were handed in; {MAX_CHECKPOINTS} were looked at.")
    wanted_epochs, wanted_seed = _setting(code, "EPOCHS"), _setting(code, "SEED")
    known = {(model.name.lower(), model.k) for model in trained}
    parsed = {path: match for path in contents if (match := _parsed(path, known))}
    strange = [path for path in contents if path not in parsed]
    result.notes += [f"{problems[path]}." for path in strange if path in problems]
    strange = [path for path in strange if path not in problems] or strange[: len(strange) == 1]
    lacking = [model for model in trained if not any(_is(match, model) for match in parsed.values())]
    for model in trained:
        of = {path: match for path, match in parsed.items() if _is(match, model)}
        if not of and strange and len(lacking) == 1 == len(_different(strange, contents)):
            of, strange = {strange[0]: None}, []
        _take(result, model, of, contents, problems, right, (wanted_epochs or epochs, wanted_seed), paths, strange)
    for path in strange:  # under a name of the student's own, for cells of the student's own
        if path.startswith(right) and result.files.keys().isdisjoint({name := f"checkpoints/{Path(path).name}"}):
            result.files[name] = contents[path]
    return result


def _take(result, model, of, contents, problems, right, setting, paths, strange) -> None:
    """Decide which file is the checkpoint of a model, and say so where that is not plain."""
    epochs, seed = setting
    seeds = {int(match["seed"]) for match in of.values() if match}
    seed = seed if seed is not None else min(seeds, default=0)
    wanted = file_name(model.name, model.k, epochs, seed)
    target = f"checkpoints/{wanted}"
    sound = [path for path in of if path not in problems]
    expected = f"expected {target}"
    if right + wanted in sound:
        result.files[target] = contents[right + wanted]
        return
    if len(_different(sound, contents)) > 1:
        sound = [path for path in sound if of[path] and int(of[path]["seed"]) == seed] or sound
    if len(_different(sound, contents)) > 1:
        sound = [path for path in sound if of[path] and int(of[path]["epochs"]) == epochs] or sound
    if len(_different(sound, contents)) == 1:
        result.files[target] = contents[sound[0]]
        result.notes.append(f"{one_line(sound[0])} was taken as {target}.")
    elif sound:
        result.unclear[model.variable] = (
            f"each of {some(sound)} could be the checkpoint of {model.variable}; {expected}. Nothing was judged"
        )
    elif of:
        path = next(iter(of))
        result.unclear[model.variable] = f"{problems[path]}; {expected}. Nothing was judged"
        result.files[target] = contents[path]  # so that the notebook's own message is right
    elif len(_different(strange, contents)) > 1:
        result.unclear[model.variable] = (
            f"no file is named as the checkpoint of {model.variable}, and each of {some(strange)} could be it; {expected}. Nothing was judged"
        )
    else:
        found = [path for path in paths if _plain(path).endswith(WEIGHTS) and path not in result.files]
        result.missing[model.variable] = (
            f"No checkpoint of {model.variable} was handed in: {expected}; found {some(found)}. Nothing was judged. Hand in the file that "
            "training leaves in the folder checkpoints/, under its own name."
        )


def damage(content: bytes) -> str:
    """Return why a file is no whole safetensors file, empty where it is one; its header is bounded before anything parses it."""
    if not content:
        return "it is empty"
    for begin, kind in (
        (b"PK\x03\x04", "a zip or a file of torch.save"),
        (b"version https://git-lfs", "a pointer of Git LFS, not the file"),
        (b"<", "a page of the web"),
        (b"\x80\x02", "a pickle"),
    ):
        if content.startswith(begin):
            return f"it is {kind}; expected a safetensors file"
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > HEADER_LIMIT:
        return f"it does not begin like a safetensors file, with a header of at most {HEADER_LIMIT} bytes"
    if len(content) < 8 + size:
        return f"it is cut off: {len(content)} bytes, and the header alone has {size}"
    try:
        header = json.loads(content[8 : 8 + size])
        header.pop("__metadata__", None)
        spans = sorted((*entry["data_offsets"], _bytes(entry)) for entry in header.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "its header cannot be read"
    end = 0
    for start, stop, length in spans:
        if (start, stop) != (end, end + length):
            return "its header does not fit its tensors"
        end = stop
    if len(content) != 8 + size + end:
        return f"it has {len(content)} bytes, and {8 + size + end} by its header; was it cut off?"
    return ""


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


def _plain(path: str) -> str:
    """Return a file's name without what browsers append to it, and in small letters."""
    name = path.rsplit("/", 1)[-1].lower()
    for ending in (".bin", ".txt", ".download"):
        if name.removesuffix(ending).endswith(".safetensors"):
            name = name.removesuffix(ending)
    return name


def _parsed(path: str, known: Collection[tuple[str, int]]) -> re.Match | None:
    """Return what a file's name says, whatever a platform put before and behind it; None where it is of no known model."""
    name = COPY.sub("", _plain(path).removesuffix(".safetensors"))
    for start in [0, *(found.end() for found in re.finditer(r"[\W_]+", name))]:
        match = FILE.fullmatch(name, start)
        if match and (match["model"].lower(), int(match["k"])) in known:
            return match
    return None


def _is(match: re.Match, model: Model) -> bool:
    return (match["model"].lower(), int(match["k"])) == (model.name.lower(), model.k)


def _different(paths: Iterable[str], contents: Mapping[str, bytes]) -> set[bytes]:
    return {contents[path] for path in paths}


def _setting(code: str, name: str) -> int | None:
    """Return the number that the notebook's code sets a name to, as text: nothing is executed; None where it is no plain number."""
    values = re.findall(SETTING.format(name), code, re.MULTILINE)
    return int(values[-1]) if values and re.fullmatch(r"\d{1,9}", values[-1]) else None


def _say_links(beside: Folder, result: Beside) -> None:
    """Say of a folder checkpoints/ that cannot be opened, as one that is a link, why."""
    try:
        if beside.status("checkpoints") is not None:
            beside.holding("checkpoints/")[0].entries()
    except Refused as refusal:
        result.notes.append(f"{refusal}.")


def _bytes(entry: Mapping) -> int:
    """Return how many bytes a tensor's entry in a header stands for."""
    shape = entry["shape"]
    if len(shape) > 64 or not all(type(size) is int and 0 <= size < 2**48 for size in shape):
        raise ValueError("a shape that cannot be")
    return SIZES[entry["dtype"]] * math.prod(shape)


def _module(path: str) -> bool:
    parts = path.removesuffix(".py").split("/")
    return all(part.isascii() and part.isidentifier() and not keyword.iskeyword(part) for part in parts)


@cache
def _installed() -> frozenset[str]:
    return frozenset(importlib.metadata.packages_distributions())
