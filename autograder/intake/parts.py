"""Recognises the cells of a submission's notebook, whatever an editor did to them.

By nbgrader's metadata, by their ids, by the sources of what was given, and by the names that a solution defines.
"""

import copy
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import nbformat
from nbformat import NotebookNode

SPLIT_LIMIT = 200_000  # characters of a cell that is looked through for given cells that were joined to it
LEAST_TEXT = 20  # characters of a given cell that is told by its source alone where it is a part of another
DEFINITION = re.compile(r"^(?:def|class)[ \t]+\w+", re.MULTILINE)


@dataclass(eq=False)
class Part:
    """A cell of a submission, or a piece of one to which others were joined.

    Args:
        claim: the grade_id that its metadata names.
        handed: its id.
        index: of the release's cell that it is.
        extra: lines that stood in a locked cell beside its own.
    """

    cell: NotebookNode
    claim: str | None = None
    handed: str | None = None
    index: int | None = None
    extra: bool = False

    @cached_property
    def text(self) -> str:
        """Its source for comparison."""
        return bare(self.cell.source)

    @cached_property
    def definitions(self) -> set[str]:
        """What it defines, as in `def elbo`."""
        return definitions(self.cell) if self.cell.cell_type == "code" else set()


def recognised(submitted: NotebookNode, release: NotebookNode) -> list[Part]:
    """Return the cells of a submission, each with the release's cell that it is, if any; what was joined is taken apart."""
    parts = [Part(cell, grade_id(cell), cell.metadata.get("handed_id")) for cell in submitted.cells]
    texts = [bare(cell.source) for cell in release.cells]
    often = Counter(zip((cell.cell_type for cell in release.cells), texts, strict=True))
    by_claim = {grade_id(cell): index for index, cell in enumerate(release.cells) if grade_id(cell)}
    by_id = {(cell.cell_type, cell.id): index for index, cell in enumerate(release.cells) if "id" in cell}
    by_text = {
        (cell.cell_type, texts[index]): index
        for index, cell in enumerate(release.cells)
        if texts[index] and often[cell.cell_type, texts[index]] == 1
    }
    seen: set[int] = set()

    def take(part: Part, index: int | None) -> None:
        if index is not None and index not in seen and part.index is None:
            part.index = index
            seen.add(index)

    for part in parts:
        take(part, by_claim.get(part.claim))
    free = [part for part in parts if part.claim not in by_claim]
    for part in free:
        take(part, by_id.get((part.cell.cell_type, part.handed)))
    for part in free:
        take(part, by_text.get((part.cell.cell_type, part.text)))
    parts = [piece for part in parts for piece in _own_and_added(part, release, texts)]
    for index, model in enumerate(release.cells):
        if (
            index not in seen
            and (not grade_id(model) or model.metadata.nbgrader.locked)
            and len(texts[index]) >= LEAST_TEXT
        ):
            for at, part in enumerate(parts):
                pieces = _taken_apart(part, model.cell_type, texts[index])
                if pieces:
                    before, given, after = pieces
                    given.index = index
                    seen.add(index)
                    keeper = before if before.cell.source else after
                    keeper.claim, keeper.index, keeper.handed = part.claim, part.index, part.handed
                    parts[at : at + 1] = [piece for piece in pieces if piece.cell.source or piece.index is not None]
                    break
    for index, model in enumerate(release.cells):
        if index not in seen and grade_id(model) and not model.metadata.nbgrader.locked and model.cell_type == "code":
            wanted = definitions(model)
            take_first = (part for part in parts if part.index is None and part.claim not in by_claim)
            part = next((part for part in take_first if wanted & part.definitions), None)
            if part is not None:
                take(part, index)
    return parts


def _own_and_added(part: Part, release: NotebookNode, texts: list[str]) -> list[Part]:
    """Return a locked cell and what was added to it, of which only that stays that its own source does not hold."""
    if part.index is None:
        return [part]
    model = release.cells[part.index]
    if not grade_id(model) or not model.metadata.nbgrader.locked:
        return [part]
    own, text = texts[part.index], part.text
    if text == own or len(text) > SPLIT_LIMIT:
        return [part]
    pieces = _taken_apart(part, part.cell.cell_type, own)
    if pieces:
        before, given, after = pieces
        given.claim, given.index, given.handed = part.claim, part.index, part.handed
        return [piece for piece in pieces if piece.cell.source or piece is given]
    if model.cell_type != "markdown":
        return [part]
    lines = set(own.splitlines())
    added = _piece(part, "\n".join(line for line in text.splitlines() if line not in lines))
    added.extra = True
    return [part, added] if added.text else [part]


def _taken_apart(part: Part, kind: str, given: str) -> tuple[Part, Part, Part] | None:
    """Return what stands before a given text in a cell, that text, and what stands behind it; None where the cell does not hold it."""
    if part.cell.cell_type != kind or len(part.text) > SPLIT_LIMIT or given not in part.text:
        return None
    before, found, after = f"\n{part.text}\n".partition(f"\n{given}\n")
    return (_piece(part, before), _piece(part, given), _piece(part, after)) if found and given else None


def _piece(part: Part, text: str) -> Part:
    """Return a piece of a cell."""
    cell = copy.deepcopy(part.cell)
    cell.source, cell.metadata = text.strip("\n"), nbformat.from_dict({})
    cell.id = nbformat.v4.new_raw_cell().id  # its own
    return Part(cell)


def definitions(cell: NotebookNode) -> set[str]:
    return {" ".join(found[0].split()) for found in DEFINITION.finditer(cell.source)}


def bare(source: str) -> str:
    """Return a source for comparison, without what editors change: kinds of line ends, spaces at ends."""
    return "\n".join(line.rstrip() for line in source.replace("\r\n", "\n").replace("\r", "\n").split("\n")).strip("\n")


def grade_id(cell) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")
