"""Which known mistakes the visible checks of the notebooks catch, counted: `python -m tests.visible [assignment ...]`.

A check runs in this process on the reference solution with a mistake in it, after the given cells that define what it uses. No cell
is run that no check needs: nothing is trained, and no picture is drawn.
"""

import ast
import contextlib
import functools
import io
import sys
import zlib
from collections.abc import Collection, Iterable, Iterator

import torch

from autograder import catalogue, publish
from autograder.judging.known import Mistake
from autograder.reporting.points import Kind
from tests.suites import Suite, run_sources

KINDS = list(Kind)


class Checks:
    """The visible checks of one assignment.

    Args:
        assignment: its name.
    Attributes:
        of: the source of an exercise's check, by exercise; of the exercises in which something is written.
    """

    def __init__(self, assignment: str):
        cells = publish.given_cells(assignment)
        self.of = {
            before.id: cell.source
            for (before, _), (cell, _) in zip(cells, cells[1:], strict=False)
            if publish.is_solution(before)
        }
        (self._imports,) = [cell.source for cell, _ in cells if cell.id == "imports"]
        self._given = [cell.source for cell, given in cells if given and cell.id != "imports"]
        self._methods = dict(pair for cell, _ in cells if publish.is_solution(cell) for pair in _attached(cell.source))

    def failure(self, exercise: str, namespace: dict, seed: int = 0) -> Exception | None:
        """Return what the check of an exercise raises on a submission, None where it passes.

        Args:
            namespace: what the cells of the submission define; imports and methods are put into it.
            seed: of torch's global generator, from which some checks draw.
        """
        for name, value in run_sources([self._imports], {"__name__": "submission"}).items():
            namespace.setdefault(name, value)
        for name, (owner, method) in self._methods.items():  # the class may have it without the function
            namespace.setdefault(name, getattr(namespace[owner], method, None))
        check = compile(self.of[exercise], f"test_{exercise}", "exec")
        with _kept(), contextlib.redirect_stdout(io.StringIO()):
            torch.manual_seed(seed)
            try:
                run_sources(
                    [*self._needed(exercise), check], dict(namespace)
                )  # a mistake's helpers may be called alike
            except Exception as error:
                return error
        return None

    @functools.cache  # noqa: B019
    def _needed(self, exercise: str) -> list[str]:
        """Return the given cells that define what a check uses, in order."""
        needed, wanted = [], _names(self.of[exercise], ast.Load) - _names(self.of[exercise], ast.Store)
        for source in reversed(self._given):
            if _names(source, ast.Store) & wanted:
                needed.insert(0, source)
                wanted |= _names(source, ast.Load)
        return needed


def _names(source: str, context: type[ast.expr_context]) -> set[str]:
    """Return the names that a source uses (Load), or sets or defines (Store), wherever in it."""
    nodes = list(ast.walk(ast.parse(source)))
    found = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context)}
    if context is ast.Store:
        found |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return found


def _attached(source: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each function that a cell makes a method, as `VAE.sample = sample` does, with its class and the method's name."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            yield node.value.id, (node.targets[0].value.id, node.targets[0].attr)


@contextlib.contextmanager
def _kept() -> Iterator[None]:
    """Undo what a submission changes of torch itself: generator, default dtype, and whether gradients are computed."""
    dtype = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


def caught(checks: Checks, mistake: Mistake) -> bool:
    """Return whether the visible check of its exercise fails on a mistake."""
    return checks.failure(mistake.exercise, mistake.submission(), zlib.crc32(mistake.name.encode())) is not None


def share(mistakes: Iterable[Mistake], found: Collection[str]) -> str:
    """Return how many of some mistakes are among those that were caught, in words."""
    names = [mistake.name for mistake in mistakes]
    return f"{sum(name in found for name in names)}/{len(names)}" if names else "–"


def table(everything: dict[str, tuple[Suite, set[str]]]) -> str:
    """Return the counts by exercise and kind, and the wrong values that pass.

    Args:
        everything: by assignment, its suite and the names of the mistakes that were caught.
    """
    lines = [f"{'':32}{'all':>9}" + "".join(f"{kind:>10}" for kind in KINDS)]

    def line(name: str, mistakes: list[Mistake], found: Collection[str]) -> str:
        each = "".join(f"{share([m for m in mistakes if m.kind is kind], found):>10}" for kind in KINDS)
        return f"{name:32}{share(mistakes, found):>9}{each}"

    for assignment, (suite, found) in everything.items():
        mistakes = list(suite.mistakes.values())
        lines.append(line(assignment, mistakes, found))
        for exercise in dict.fromkeys(mistake.exercise for mistake in mistakes):
            lines.append(line(f"  {exercise}", [m for m in mistakes if m.exercise == exercise], found))
    for assignment, (suite, found) in everything.items():
        lines += [
            f"passes: {assignment}/{mistake.exercise}/{mistake.name} ({mistake.kind})"
            for kind in KINDS
            for mistake in suite.mistakes.values()
            if mistake.kind is kind and mistake.name not in found
        ]
    return "\n".join(lines)


def main(assignments: list[str]) -> None:
    """Print the table."""
    torch.set_num_threads(1)
    everything = {}
    for name in assignments:
        suite, checks = Suite(name), Checks(name)
        everything[name] = (suite, {one for one, mistake in suite.mistakes.items() if caught(checks, mistake)})
    print(table(everything))


if __name__ == "__main__":
    main(sys.argv[1:] or catalogue.every())
