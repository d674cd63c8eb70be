"""The code cells of the notebooks that lie beside the package, and which of them are the check of which exercise."""

import ast
import difflib
from dataclasses import dataclass
from json import JSONDecodeError, loads
from pathlib import Path

PREFIX = "test_"


@dataclass(frozen=True)
class Cell:
    """A code cell of a notebook.

    Args:
        name: nbgrader's name of the cell, else its id; empty where it has none.
        source: its code.
        answer: whether a student writes in it.
        exercise: what it is the check of; empty where it is no check.
        needs: for a check, the names that its first line asks for.
    """

    name: str
    source: str
    answer: bool = False
    exercise: str = ""
    needs: tuple[str, ...] = ()


def notebooks() -> list[Path]:
    """Return the notebooks beside the package, else those of the current folder, a copy after what it is a copy of."""
    for folder in (Path(__file__).resolve().parents[1], Path.cwd()):
        if found := sorted(folder.glob("*.ipynb"), key=lambda path: (len(path.name), path.name)):
            return found
    return []


def read(path: Path) -> list[Cell]:
    """Return the code cells of a notebook; none where the file is no notebook."""
    try:
        cells = loads(path.read_text(encoding="utf-8"))["cells"]
        return [
            _cell(str(meta.get("grade_id") or cell.get("id") or ""), "".join(cell["source"]), meta)
            for cell in cells
            if cell["cell_type"] == "code"
            for meta in [cell.get("metadata", {}).get("nbgrader", {})]
        ]
    except (OSError, UnicodeError, JSONDecodeError, KeyError, TypeError, AttributeError):
        return []


def chosen(names: tuple[str, ...], checks: dict[str, Cell]) -> list[str]:
    """Return the exercises that are meant by names, all where there is none.

    Raises:
        LookupError: a name means none of them; the message says which come near, and lists all.
    """
    meant = {need.lower(): cell.exercise for cell in checks.values() for need in cell.needs if len(cell.needs) == 1}
    meant |= {exercise.lower(): exercise for exercise in checks}
    wanted = []
    for name in names:
        plain = str(name).lower().removeprefix(PREFIX)
        found = meant.get(plain) or meant.get(plain.rpartition(".")[2])
        if found is None:
            near = difflib.get_close_matches(plain, meant, 1)
            hint = f" Did you mean {meant[near[0]]}?" if near else ""
            raise LookupError(f"There is no check of {name}.{hint}\nThere are: {', '.join(checks)}.")
        wanted.append(found)
    return wanted or list(checks)


def _cell(name: str, source: str, meta: dict) -> Cell:
    needs = _asked(source)
    if (meta.get("grade") and not meta.get("solution")) or name.startswith(PREFIX):
        return Cell(name, source, exercise=name.removeprefix(PREFIX), needs=needs)
    if needs:
        return Cell(name, source, exercise=needs[0], needs=needs)
    return Cell(name, source, answer=bool(meta.get("solution")))


def _asked(source: str) -> tuple[str, ...]:
    """Return the names that a check's first statement asks for; none where this is no check."""
    try:
        first = ast.parse(source).body[0]
    except (SyntaxError, ValueError, IndexError):
        return ()
    if not isinstance(first, ast.Assert) or "globals()" not in ast.unparse(first.test):
        return ()
    return tuple(node.value for node in ast.walk(first.test) if isinstance(node, ast.Constant))
