"""What is read from a submission's notebook for its examination: which cell is what, what is run and how, and what is said of cells."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbgrader.utils import is_grade, is_solution

from autograder.kernel.session import Plan
from autograder.publish import given_cells
from autograder.text import printable

MAX_TOLD = 5  # cells that are told of
NOT_RUN = "Not run while grading: it trains or measures for long, only to show something."


def exercise(cell) -> str:
    """Return the exercise of a grade cell: `test_elbo` grades `elbo`."""
    return cell.metadata.nbgrader.grade_id.removeprefix("test_")


def automatic(notebook: nbformat.NotebookNode) -> Iterator:
    """Yield the grade cells that the hidden suite decides."""
    return (cell for cell in notebook.cells if cell.cell_type == "code" and is_grade(cell) and not is_solution(cell))


def planned(notebook: nbformat.NotebookNode, assignment: str, root: Path) -> tuple[Plan, dict[int, str]]:
    """Return how a submission is run, and what is to be said of given cells that are not as released, by the place of each.

    What the release gave is run in any case: a given cell that is missing or was changed runs as it was released, where it stood,
    before what the student made of it.

    Args:
        notebook: the submission.
        assignment: its assignment.
        root: the course's folder, with source/.
    """
    where, sources, begin = {}, {}, 0
    for index, cell in enumerate(notebook.cells):
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name:
            where[name] = index
        else:
            sources.setdefault(_bare(cell.source), []).append(index)
    given, known, remarks = {}, set(where.values()), {}
    for cell, needed in given_cells(assignment, root):
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        found = where.get(name) if name else next(iter(sources.get(_bare(cell.source), ())), None)
        if found is not None:
            known.add(found)
            begin = found + 1
        elif needed:
            given.setdefault(begin, []).append(cell.source)
            remarks[begin] = f"The given cell {_quoted(cell)} is missing or was changed; it was run as released, too."
    code = {index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"}
    tests = {index: exercise(notebook.cells[index]) for index in code if is_grade(notebook.cells[index])}
    last = max(tests, default=len(notebook.cells))

    def place(index: int) -> str:
        cell = notebook.cells[index]
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        return f"The cell of {name}, {_quoted(cell)}," if name else f"The cell {_quoted(cell)}"

    plan = Plan(
        given={index: tuple(found) for index, found in given.items()},
        tests=tests,
        once=frozenset(index for index in code if index > last),
        own=frozenset(code - known),
        place=place,
    )
    return plan, remarks


def told_of(
    notebook: nbformat.NotebookNode, stopped: dict[int, str], errors: dict[int, str], plan: Plan
) -> tuple[list[str], list[str]]:
    """Return what is said of cells: first of those that were stopped, or raised in an exercise, then of the student's own that raised."""
    said = {index: f"{plan.place(index)} {what}." for index, what in stopped.items()}
    for index, error in errors.items():
        cell = notebook.cells[index]
        if index not in said and index not in plan.tests and ("nbgrader" in cell.metadata or index in plan.own):
            said[index] = f"{plan.place(index)} stopped with {error}; the statements after it were tried."
    first = [text for index, text in sorted(said.items()) if index in stopped or index not in plan.own]
    own = [text for index, text in sorted(said.items()) if index not in stopped and index in plan.own]
    return first[:MAX_TOLD], own[:MAX_TOLD]


def untrained(notebook: nbformat.NotebookNode, errors: dict[int, str], model: str) -> tuple[int, str] | None:
    """Return the cell that could not read a model's checkpoint, and its error; None where none is known."""
    assigned = re.compile(rf"^\s*{re.escape(model)}\b[^=\n]*=[^=]", re.MULTILINE)
    for index, error in errors.items():
        if error.startswith("CheckpointError") and assigned.search(notebook.cells[index].source):
            return index, error
    return None


def indices(notebook: nbformat.NotebookNode, sources: set[str]) -> frozenset[int]:
    """Return the indices of the cells of these sources that belong to no exercise."""
    return frozenset(
        index
        for index, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and "nbgrader" not in cell.metadata and cell.source in sources
    )


def checks(notebook: nbformat.NotebookNode) -> frozenset[int]:
    """Return the indices of the visible tests, which only look at what is there."""
    automatic_cells = {id(cell) for cell in automatic(notebook)}
    return frozenset(index for index, cell in enumerate(notebook.cells) if id(cell) in automatic_cells)


def without(notebook: nbformat.NotebookNode, indices: frozenset[int]) -> nbformat.NotebookNode:
    """Return the notebook with nothing in these cells, so that a kernel starts in less time."""
    emptied = nbformat.from_dict(notebook)
    for index in indices:
        emptied.cells[index].source = ""
    return emptied


@contextmanager
def not_run(notebook: nbformat.NotebookNode, indices: frozenset[int]) -> Iterator[None]:
    """Let these cells only say that they are not run, as long as this lasts."""
    sources = {index: notebook.cells[index].source for index in indices}
    for index in indices:
        notebook.cells[index].source = f"print({NOT_RUN!r})"
    try:
        yield
    finally:
        for index, source in sources.items():
            notebook.cells[index].source = source


def _bare(source: str) -> str:
    """Return a source without what editors and formatters change at the ends of lines."""
    return "\n".join(line.rstrip() for line in source.splitlines() if line.strip())


def _quoted(cell) -> str:
    """Return the first line of a cell that says something, as it is told to people."""
    line = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")
    return f"“{printable(line)[:60]}”"
