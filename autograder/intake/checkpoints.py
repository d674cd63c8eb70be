"""Finds the checkpoints of a submission, wherever they came to lie and whatever a platform named them.

Taken is what is unambiguous, with a remark where it was not where or what it should be. What is not taken is named, with what was expected.
"""

import ast
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from autograder.intake.beside import Beside
from autograder.intake.damage import damage
from autograder.intake.folder import COPY, Folder, Refused, some
from autograder.text import one_line
from lab.checkpoints import name as file_name

MAX_CHECKPOINTS = 32
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


@dataclass(frozen=True)
class Model:
    """A model that an assignment's notebook trains: its variable, and the name and K of its checkpoint."""

    variable: str
    name: str
    k: int


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
                name, k = given.get("name"), given.get("k", 1)
                if isinstance(name, str) and isinstance(k, int) and call.args and isinstance(call.args[0], ast.Name):
                    found.append(Model(call.args[0].id, name, k))
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
