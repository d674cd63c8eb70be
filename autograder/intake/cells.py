"""Gives a submission's notebook the shape of the release.

A cell's nbgrader metadata is the release's; cells are recognised as `parts` does, and by their place between others. A written answer that cannot
be placed is put before a person.
"""

import copy
import re
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

from autograder.intake.notebook import KERNELSPEC
from autograder.intake.parts import Part, bare, definitions, grade_id, recognised

ATTACHMENT = re.compile(r"""attachment:([^\s()<>"']+)""")


@dataclass
class Fitted:
    """A submission's notebook in the release's shape.

    Args:
        notebook: with the release's metadata.
        notes: what was done to it, for student and instructor.
        unplaced: written answers that may stand elsewhere in the notebook, by grade_id: a person has to look.
    """

    notebook: NotebookNode
    notes: list[str] = field(default_factory=list)
    unplaced: dict[str, str] = field(default_factory=dict)


def likeness(notebook: NotebookNode, release: NotebookNode) -> float:
    """Return the share of the release's cells with a grade_id that are recognised in a notebook, by any sign but their place."""
    names = {grade_id(cell) for cell in release.cells} - {None}
    own = [cell for cell in notebook.cells if grade_id(cell) in (None, *names)]  # another assignment's may look alike
    parts = recognised(nbformat.v4.new_notebook(cells=own), release)
    found = {grade_id(release.cells[part.index]) for part in parts if part.index is not None}
    return len(names & found) / len(names) if names else 0.0


def answered(notebook: NotebookNode, release: NotebookNode) -> int:
    """Return how many cells of a notebook hold something that the release does not hold."""
    given = {bare(cell.source) for cell in release.cells} | {""}
    return sum(bare(cell.source) not in given for cell in notebook.cells)


def fit_to_release(submitted: NotebookNode, release: NotebookNode) -> Fitted:
    """Return the submission with the release's metadata on its cells, doubles resolved, and missing cells put back.

    A second cell of the same exercise (from splitting or copying a cell) stays as a plain cell if it is code, and is joined to the
    first one if it is a written answer; a second copy of a locked cell is dropped. Text in new cells below a question whose answer cell
    was left as it was given, or lost, becomes that answer. What was added to a locked cell is told apart from it.
    """
    parts = recognised(submitted, release)
    fitted = Fitted(submitted)
    answers = _answers(parts, release, fitted)
    joined = {id(part) for found in answers.values() for part in found}
    known = {name: cell for cell in release.cells if (name := grade_id(cell))}
    cells, seen = [], {}
    for part in parts:
        model = release.cells[part.index] if part.index is not None else None
        name = grade_id(model) if model is not None else None
        claimed = known.get(part.claim or "")
        if id(part) in joined or (part.extra and model is None):
            continue
        if name is not None:
            seen[name] = _like(model, part.cell)
            cells.append(seen[name])
        elif claimed is None or (claimed.cell_type == "code" and not claimed.metadata.nbgrader.locked):
            cells.append(part.cell)
        elif claimed.cell_type == "markdown" and not claimed.metadata.nbgrader.locked:
            _join(seen[part.claim], part.cell)
    place = 0
    for name, model in known.items():
        if name not in seen:
            seen[name] = copy.deepcopy(model)
            if _elsewhere(model, parts):  # the stub would take the place of what the student defined
                seen[name].source = "# Written in another cell of this notebook."
            cells.insert(place, seen[name])
            place += 1
        else:
            place = next(index for index, cell in enumerate(cells) if cell is seen[name]) + 1
        for part in answers.get(name, ()):
            if bare(seen[name].source) in ("", bare(model.source)):
                seen[name].source = ""
            _join(seen[name], part.cell)
    notebook = fitted.notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})
    used = set(seen)
    for index, cell in enumerate(notebook.cells):
        name = next((name for name, own in seen.items() if own is cell), None)
        cell.metadata = copy.deepcopy(known[name].metadata) if name else nbformat.from_dict({})
        cell.id = name or f"cell-{index}"
        while name is None and cell.id in used:
            cell.id += "-"
        used.add(cell.id)
    lost = [
        part
        for part in parts
        if part.index is not None and grade_id(release.cells[part.index]) not in (part.claim, None)
    ]
    if lost:
        fitted.notes.append(
            f"{len(lost)} cells had lost nbgrader's metadata and were recognised by their ids, their text or their place."
        )
    return fitted


def _answers(parts: list[Part], release: NotebookNode, fitted: Fitted) -> dict[str, list[Part]]:
    """Return the cells that make up written answers beside the answers' own; what is not certain is said in fitted.unplaced."""
    places = {part.index: place for place, part in enumerate(parts) if part.index is not None}
    written = [index for index, cell in enumerate(release.cells) if _is_answer(cell)]
    claims = {grade_id(cell) for cell in release.cells} - {None}
    used: set[int] = set()
    answers: dict[str, list[Part]] = {}

    def free(begin: int, end: int, kinds=("markdown", "raw")) -> list[int]:
        """Return the places of new cells between two places."""
        return [
            place
            for place in range(begin + 1, end)
            if parts[place].index is None
            and parts[place].claim not in claims
            and parts[place].cell.cell_type in kinds
            and parts[place].text
            and place not in used
        ]

    def following(place: int, *but: int) -> int:
        """Return the place of the next cell that the release has, after a place."""
        return next((p for p in sorted(places.values()) if p > place and p not in but), len(parts))

    def join(index: int, found: list[int]) -> None:
        name, given = release.cells[index].metadata.nbgrader.grade_id, bare(release.cells[index].source)
        used.update(found)
        texts = [place for place in found if parts[place].text != given] or found
        answers[name] = [parts[place] for place in texts]
        if parts[texts[0]].text != given:
            fitted.notes.append(
                f"The answer {name} was found in a cell without its name, by its place, and joined to it."
            )

    for index in written:
        name, own = release.cells[index].metadata.nbgrader.grade_id, places.get(index)
        if own is not None:
            if parts[own].text not in ("", bare(release.cells[index].source)):
                continue
            question = places.get(index - 1, own)
            begin = question if question < own and following(question, own) > own else own
            end = following(begin, own)
            if found := free(begin, end):
                join(index, found)
            elif free(begin, end, ("code",)):
                fitted.unplaced[name] = "it was left as given, and new code stands beside it"
            continue
        before = max((i for i in places if i < index), default=None)
        after = min((i for i in places if i > index), default=None)
        begin = -1 if before is None else places[before]
        end = len(parts) if after is None else places[after]
        end = following(begin) if end < begin else end
        rivals = [
            i for i in written if i not in places and (before is None or i > before) and (after is None or i < after)
        ]
        found = free(begin, end)
        beside = index - 1 == before or index + 1 == after
        if found and beside and len(rivals) == 1:
            join(index, found)
        elif found and len(found) == len(rivals) - sum(grade_id(release.cells[i]) in answers for i in rivals):
            join(index, found[:1])
    for index in written:
        name = release.cells[index].metadata.nbgrader.grade_id
        if index not in places and name not in answers and free(-1, len(parts)):
            fitted.unplaced[name] = "its cell is gone, and new text in the notebook may be the answer"
    return answers


def _is_answer(model: NotebookNode) -> bool:
    """Return whether a cell of the release is that of a written answer."""
    return bool(grade_id(model)) and model.cell_type == "markdown" and not model.metadata.nbgrader.locked


def _elsewhere(model: NotebookNode, parts: list[Part]) -> bool:
    """Return whether a code cell that is missing was written in another cell."""
    if model.cell_type != "code" or model.metadata.nbgrader.locked:
        return False
    return any(definitions(model) & part.definitions for part in parts)


def _join(first, second) -> None:
    """Add a cell's text and attachments to those of another."""
    names = {}
    for file, bundle in second.get("attachments", {}).items():
        held = first.setdefault("attachments", {})
        names[file] = file if held.get(file, bundle) == bundle else f"{len(held)}-{file}"
        held[names[file]] = bundle
    text = ATTACHMENT.sub(lambda found: f"attachment:{names.get(found[1], found[1])}", second.source)
    first.source += "\n\n" * bool(first.source) + text


def _like(model, cell) -> nbformat.NotebookNode:
    """Return the release's cell with the submission's source, which stays the release's where the cell is locked."""
    own = copy.deepcopy(model)
    if not model.metadata.nbgrader.locked:
        own.source = cell.source
        if "attachments" in cell and own.cell_type == "markdown":
            own["attachments"] = cell.attachments
    return own
