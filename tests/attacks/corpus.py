"""Reads the attacks; nothing of a cell is run here."""

import ast
import runpy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
FAMILIES = ("forging", "reading", "tampering", "exhausting", "malformed")


@dataclass(frozen=True)
class Attack:
    """One file of the corpus; `tests.attacks` says what the fields mean."""

    family: str
    name: str
    sentence: str
    code: str
    submission: Callable | None
    place: str = ""
    base: str = "blank"
    costs: tuple[str, ...] = ()
    graded: bool = True
    said: str = ""
    flagged: bool = False
    needs_sandbox: bool = False
    dangerous: bool = False

    def __str__(self) -> str:
        return f"{self.family}/{self.name}"

    @property
    def student(self) -> str:
        """Who hands it in."""
        return self.name.replace("_", "-")


def attacks() -> list[Attack]:
    """Return all attacks, family by family."""
    return [read(path) for family in FAMILIES for path in sorted((FOLDER / family).glob("*.py"))]


def read(path: Path) -> Attack:
    """Return the attack in a file."""
    code, family = path.read_text(), path.parent.name
    tree = ast.parse(code)
    given = {
        node.targets[0].id.lower(): ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "").lower() in Attack.__dataclass_fields__
    }
    builds = any(isinstance(node, ast.FunctionDef) and node.name == "submission" for node in tree.body)
    if family in ("exhausting", "malformed"):
        given = {"base": "right"} | given
    if given.get("base") == "right" and given.get("place", "end") != "end":
        given = {"costs": (given["place"],)} | given
    if family == "exhausting":
        given["dangerous"] = True
    submission = runpy.run_path(str(path))["submission"] if builds else None
    return Attack(family, path.stem, ast.get_docstring(tree), code, submission, **given)
