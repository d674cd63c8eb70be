"""What is got wrong, each mistake told once: a wrong solution, under the sentence that the student reads.

suite/<assignment>/mistakes/<exercise>.py holds the mistakes of one exercise, one function each:

    TARGET = "VAE.sample"                      # what they stand in the place of; the exercise's own name where the file says nothing

    @mistake("Pixels that should be independent are drawn with the same random number.", also=["negative_elbo"])
    def images_share_noise(self, n, generator=None):
        ...

The file is not imported: it is executed on top of the reference solution, whose names it uses; `true` is the right function.
"""

import ast
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder import catalogue


@dataclass(frozen=True)
class Mistake:
    """One known mistake.

    Args:
        assignment, exercise, name: where it is told, and what it is called; names are unique in an assignment.
        say: the sentence that a hint tells; empty where the message says it all.
        target: what it stands in the place of: `function`, `Class`, or `Class.method`.
        fails: the exercises that it fails.
        message: what the message says where there is no hint.
        also_said: words of other hints that are as true of it.
        keeps: by exercise, the lowest and the highest share of the points that it leaves.
    """

    assignment: str
    exercise: str
    name: str
    say: str
    target: str
    fails: frozenset[str]
    message: str = ""
    also_said: tuple[str, ...] = ()
    keeps: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def submission(self) -> dict[str, Any]:
        """Return the namespace of the reference solution with this mistake in it."""
        namespace = catalogue.solution(self.assignment)
        _execute(self.assignment, self.exercise, namespace, self)
        return namespace

    def code(self) -> str:
        """Return the mistake as a student would write it; for those that need no more than their own function."""
        path = _path(self.assignment, self.exercise)
        lines, tree = path.read_text().splitlines(), ast.parse(path.read_text())
        owner, _, plain = self.target.rpartition(".")
        node = next(n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name == self.name)
        first = min(n.lineno for n in [*node.decorator_list[1:], node])
        text = "\n".join(lines[first - 1 : node.end_lineno]).replace(f" {self.name}(", f" {plain}(", 1)
        return f"{text}\n\n\n{self.target} = {plain}" if owner else text


def of(assignment: str) -> dict[str, Mistake]:
    """Return all known mistakes of an assignment, by name."""
    told = [mistake for path in _files(assignment) for mistake in _told(assignment, path.stem)]
    if twice := sorted(n for n, number in Counter(mistake.name for mistake in told).items() if number > 1):
        raise ValueError(f"mistakes of {assignment} of the same name: {twice}")
    return {mistake.name: mistake for mistake in told}


def _files(assignment: str) -> list[Path]:
    return sorted((catalogue.SUITE / assignment / "mistakes").glob("*.py"))


def _path(assignment: str, exercise: str) -> Path:
    return catalogue.SUITE / assignment / "mistakes" / f"{exercise}.py"


@functools.cache
def _told(assignment: str, exercise: str) -> tuple[Mistake, ...]:
    """Return the mistakes of one file, in their order."""
    return tuple(_execute(assignment, exercise, catalogue.solution(assignment)))


@functools.cache
def _program(path: Path):
    return compile(path.read_text(), str(path), "exec")


def _execute(assignment: str, exercise: str, namespace: dict[str, Any], chosen: Mistake | None = None) -> list[Mistake]:
    """Execute the file of an exercise on the reference's namespace, put the chosen mistake into it, and return all that are told."""
    found: list[Mistake] = []

    def mistake(
        say: str = "",
        *,
        target: str = "",
        also: Iterable[str] = (),
        fails: Iterable[str] = (),
        message: str = "",
        also_said: Iterable[str] = (),
        keeps: Mapping[str, tuple[float, float]] | None = None,
    ) -> Callable:
        def told(wrong):
            name = wrong.__name__
            place = target or namespace.get("TARGET") or exercise
            failed = frozenset(fails) or frozenset([exercise, *also])
            found.append(
                Mistake(assignment, exercise, name, say, place, failed, message, tuple(also_said), dict(keeps or {}))
            )
            if chosen and name == chosen.name:
                wrongs.append(wrong)
            return wrong

        return told

    wrongs: list[Any] = []
    rights = dict(namespace)
    if chosen:
        namespace["true"] = functools.reduce(
            getattr, chosen.target.split(".")[1:], namespace[chosen.target.split(".")[0]]
        )
    namespace["mistake"] = mistake
    exec(_program(_path(assignment, exercise)), namespace)
    namespace |= rights  # a mistake or a helper of a name that the solution uses
    if chosen:
        owner, _, plain = chosen.target.rpartition(".")
        (wrong,) = wrongs
        wrong.__name__ = plain
        if owner:
            setattr(namespace[owner], plain, wrong)
        else:
            namespace[plain] = wrong
    return found
