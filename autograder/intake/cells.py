"""Reads a submission's notebook and recognises its cells, whatever an editor did to them.

Of a notebook, kept are the cells' types and sources, their order, the pictures of answers, and which exercise a cell belongs to. Outputs, tags
and all other metadata are dropped; a cell's nbgrader metadata is the release's. Cells are recognised by nbgrader's metadata, by their ids, by the
sources of what was given, by the names that a solution defines, and by their place between others. A written answer that cannot be placed is put
before a person.
"""

import copy
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import nbformat
from nbformat import NotebookNode

from autograder.intake.folder import Refused
from autograder.text import printable, writable

MAX_CELLS = 2000
MAX_ITEMS = 2_000_000  # of JSON: each takes up to a hundred times the memory of its bytes
MAX_OLD_ITEMS = 100_000  # of a notebook in an older format, which nbformat converts
MAX_DIGITS = 4000  # of a number; Python reads up to 4300
SPLIT_LIMIT = 200_000  # characters of a cell that is looked through for given cells that were joined to it
LEAST_TEXT = 20  # characters of a given cell that is told by its source alone where it is a part of another
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")  # of pictures: nothing that ends an attribute in feedback
ATTACHMENT = re.compile(r"""attachment:([^\s()<>"']+)""")
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
STRINGS = re.compile(
    rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL
)  # also one that never ends, so that no second search starts in it
DEFINITION = re.compile(r"^(?:def|class)[ \t]+\w+", re.MULTILINE)
SAVE = "Open it in Jupyter, save it, and hand it in again"
# what else people hand in under a notebook's name: how it begins, and what it is
KINDS = (
    (b"PK\x03\x04", "a zip. Unpack it, and hand in what is in it"),
    (b"%PDF", "a PDF. Hand in the notebook itself"),
    (b"\x1f\x8b", "a gzip archive. Unpack it, and hand in what is in it"),
    (b"{\\rtf", "a text of a word processor. Hand in the notebook itself"),
)
UTF16, UTF32 = (b"\xff\xfe", b"\xfe\xff"), (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")


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


def read_notebook(content: bytes, name: str) -> NotebookNode:
    """Return a notebook of format 4 from the content of a file.

    Raises:
        Refused: the content is not a notebook; the text says what it is instead.
    """
    data, text = _json(content, name)
    try:
        if not isinstance(data, dict):
            raise ValueError("no JSON object")
        if data.get("nbformat") == 4:
            cells = data.get("cells")
        else:
            if (items := _items(content)) > MAX_OLD_ITEMS:
                raise ValueError(f"{items} values in an old format; {MAX_OLD_ITEMS} are allowed")
            cells = nbformat.convert(nbformat.reader.reads(text), 4).get(
                "cells"
            )  # the reader joins lines in older formats
        _count(cells)
        return nbformat.v4.new_notebook(cells=[_plain(cell) for cell in cells], metadata={"kernelspec": KERNELSPEC})
    except Exception as error:  # whatever a malformed notebook makes a library raise
        raise Refused(
            f"{name} is not a notebook ({type(error).__name__}: {printable(str(error))[:200]}). {SAVE}"
        ) from None


def likeness(notebook: NotebookNode, release: NotebookNode) -> float:
    """Return the share of the release's cells with a grade_id that are recognised in a notebook, by any sign but their place."""
    names = {_grade_id(cell) for cell in release.cells} - {None}
    own = [cell for cell in notebook.cells if _grade_id(cell) in (None, *names)]  # another assignment's may look alike
    parts = _recognised(nbformat.v4.new_notebook(cells=own), release)
    found = {_grade_id(release.cells[part.index]) for part in parts if part.index is not None}
    return len(names & found) / len(names) if names else 0.0


def answered(notebook: NotebookNode, release: NotebookNode) -> int:
    """Return how many cells of a notebook hold something that the release does not hold."""
    given = {_text(cell.source) for cell in release.cells} | {""}
    return sum(_text(cell.source) not in given for cell in notebook.cells)


def fit_to_release(submitted: NotebookNode, release: NotebookNode) -> Fitted:
    """Return the submission with the release's metadata on its cells, doubles resolved, and missing cells put back.

    A second cell of the same exercise (from splitting or copying a cell) stays as a plain cell if it is code, and is joined to the
    first one if it is a written answer; a second copy of a locked cell is dropped. Text in new cells below a question whose answer cell
    was left as it was given, or lost, becomes that answer. What was added to a locked cell is told apart from it.
    """
    parts = _recognised(submitted, release)
    fitted = Fitted(submitted)
    answers = _answers(parts, release, fitted)
    joined = {id(part) for found in answers.values() for part in found}
    known = {_grade_id(cell): cell for cell in release.cells if _grade_id(cell)}
    cells, seen = [], {}
    for part in parts:
        model = release.cells[part.index] if part.index is not None else None
        name = _grade_id(model) if model is not None else None
        claimed = known.get(part.claim)
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
            if _text(seen[name].source) in ("", _text(model.source)):
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
        if part.index is not None and _grade_id(release.cells[part.index]) not in (part.claim, None)
    ]
    if lost:
        fitted.notes.append(
            f"{len(lost)} cells had lost nbgrader's metadata and were recognised by their ids, their text or their place."
        )
    return fitted


@dataclass(eq=False)
class _Part:
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
        return _text(self.cell.source)

    @cached_property
    def definitions(self) -> set[str]:
        """What it defines, as in `def elbo`."""
        return _definitions(self.cell) if self.cell.cell_type == "code" else set()


def _recognised(submitted: NotebookNode, release: NotebookNode) -> list[_Part]:
    """Return the cells of a submission, each with the release's cell that it is, if any; what was joined is taken apart."""
    parts = [_Part(cell, _grade_id(cell), cell.metadata.get("handed_id")) for cell in submitted.cells]
    texts = [_text(cell.source) for cell in release.cells]
    often = Counter(zip((cell.cell_type for cell in release.cells), texts, strict=True))
    by_claim = {_grade_id(cell): index for index, cell in enumerate(release.cells) if _grade_id(cell)}
    by_id = {(cell.cell_type, cell.id): index for index, cell in enumerate(release.cells) if "id" in cell}
    by_text = {
        (cell.cell_type, texts[index]): index
        for index, cell in enumerate(release.cells)
        if texts[index] and often[cell.cell_type, texts[index]] == 1
    }
    seen: set[int] = set()

    def take(part: _Part, index: int | None) -> None:
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
            and (not _grade_id(model) or model.metadata.nbgrader.locked)
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
        if index not in seen and _grade_id(model) and not model.metadata.nbgrader.locked and model.cell_type == "code":
            wanted = _definitions(model)
            take_first = (part for part in parts if part.index is None and part.claim not in by_claim)
            part = next((part for part in take_first if wanted & part.definitions), None)
            if part is not None:
                take(part, index)
    return parts


def _own_and_added(part: _Part, release: NotebookNode, texts: list[str]) -> list[_Part]:
    """Return a locked cell and what was added to it, of which only that stays that its own source does not hold."""
    model = release.cells[part.index] if part.index is not None else None
    if model is None or not _grade_id(model) or not model.metadata.nbgrader.locked:
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


def _taken_apart(part: _Part, kind: str, given: str) -> tuple[_Part, _Part, _Part] | None:
    """Return what stands before a given text in a cell, that text, and what stands behind it; None where the cell does not hold it."""
    if part.cell.cell_type != kind or len(part.text) > SPLIT_LIMIT or given not in part.text:
        return None
    before, found, after = f"\n{part.text}\n".partition(f"\n{given}\n")
    return tuple(_piece(part, text) for text in (before, given, after)) if found and given else None


def _piece(part: _Part, text: str) -> _Part:
    """Return a piece of a cell."""
    cell = copy.deepcopy(part.cell)
    cell.source, cell.metadata = text.strip("\n"), nbformat.from_dict({})
    cell.id = nbformat.v4.new_raw_cell().id  # its own
    return _Part(cell)


def _answers(parts: list[_Part], release: NotebookNode, fitted: Fitted) -> dict[str, list[_Part]]:
    """Return the cells that make up written answers beside the answers' own; what is not certain is said in fitted.unplaced."""
    places = {part.index: place for place, part in enumerate(parts) if part.index is not None}
    written = [index for index, cell in enumerate(release.cells) if _is_answer(cell)]
    claims = {_grade_id(cell) for cell in release.cells} - {None}
    used: set[int] = set()
    answers: dict[str, list[_Part]] = {}

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
        name, given = _grade_id(release.cells[index]), _text(release.cells[index].source)
        used.update(found)
        texts = [place for place in found if parts[place].text != given] or found
        answers[name] = [parts[place] for place in texts]
        if parts[texts[0]].text != given:
            fitted.notes.append(
                f"The answer {name} was found in a cell without its name, by its place, and joined to it."
            )

    for index in written:
        name, own = _grade_id(release.cells[index]), places.get(index)
        if own is not None:
            if parts[own].text not in ("", _text(release.cells[index].source)):
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
        begin = places.get(before, -1)
        end = places.get(after, len(parts))
        end = following(begin) if end < begin else end
        rivals = [
            i for i in written if i not in places and (before is None or i > before) and (after is None or i < after)
        ]
        found = free(begin, end)
        beside = index - 1 == before or index + 1 == after
        if found and beside and len(rivals) == 1:
            join(index, found)
        elif found and len(found) == len(rivals) - sum(_grade_id(release.cells[i]) in answers for i in rivals):
            join(index, found[:1])
    for index in written:
        name = _grade_id(release.cells[index])
        if index not in places and name not in answers and free(-1, len(parts)):
            fitted.unplaced[name] = "its cell is gone, and new text in the notebook may be the answer"
    return answers


def _is_answer(model: NotebookNode) -> bool:
    """Return whether a cell of the release is that of a written answer."""
    return bool(_grade_id(model)) and model.cell_type == "markdown" and not model.metadata.nbgrader.locked


def _definitions(cell: NotebookNode) -> set[str]:
    return {" ".join(found[0].split()) for found in DEFINITION.finditer(cell.source)}


def _elsewhere(model: NotebookNode, parts: list[_Part]) -> bool:
    """Return whether a code cell that is missing was written in another cell."""
    if model.cell_type != "code" or model.metadata.nbgrader.locked:
        return False
    return any(_definitions(model) & part.definitions for part in parts)


def _json(content: bytes, name: str) -> tuple[object, str]:
    """Return what a notebook's file holds, bounded before anything is made of it, and its text.

    Raises:
        Refused: it is no JSON; the text says what it is instead.
    """

    def refuse(what: str) -> Refused:
        return Refused(f"{name} is {what}, so it is no notebook. {SAVE}")

    body = content.removeprefix(b"\xef\xbb\xbf")
    if not body.strip():
        raise Refused(
            f"{name} is empty ({len(content)} bytes), so it is no notebook. Was it saved and uploaded whole? {SAVE}"
        )
    for begin, kind in KINDS:
        if body.startswith(begin):
            raise Refused(f"{name} is not valid JSON but {kind}")
    if content.startswith(UTF16 + UTF32) or body[:64].count(b"\0") > 16:
        raise refuse("text in UTF-16 or UTF-32; expected UTF-8")
    if b"\0" in body:
        kind = "ends in NUL bytes" if b"\0" not in body.rstrip(b"\0") else "holds NUL bytes"
        raise Refused(f"{name} {kind}, which are no text: it was not saved or copied whole. {SAVE}")
    start = body.lstrip()[:512].lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        raise refuse("not valid JSON but a page of the web, as one to log in or an exported notebook")
    if re.search(rb"^(<<<<<<< |>>>>>>> )", body, re.MULTILINE):
        raise refuse("not valid JSON: it holds the marks of a merge in git (<<<<<<<) that was not finished")
    if not start.startswith((b"{", b"[", b'"')) and re.search(
        rb"^\s*(import |from \w+ import |def |class |#)", body[:100_000], re.MULTILINE
    ):
        raise refuse("not valid JSON but a program or text, as Jupyter exports it")
    if (items := _items(body)) > MAX_ITEMS:
        raise Refused(
            f"{name} is not a notebook of the size that is allowed: {items} values in its JSON, {MAX_ITEMS} are allowed. Clear all outputs. {SAVE}"
        )
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise refuse("not valid JSON: its text is not UTF-8") from None
    try:
        return json.loads(text, parse_int=_number), text
    except _Digits as error:
        raise Refused(
            f"{name} holds a number of {error} digits; {MAX_DIGITS} are allowed. Clear all outputs. {SAVE}"
        ) from None
    except (ValueError, RecursionError) as error:
        cut = isinstance(error, json.JSONDecodeError) and error.pos >= len(text.rstrip()) - 1
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        why = " (it ends in the middle: was it saved and uploaded whole?)" if cut else ""
        raise refuse(f"not valid JSON{where}{why}") from None


class _Digits(Exception):
    """A number has more digits than Python reads."""


def _number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _Digits(len(digits))
    return int(digits)


def _items(content: bytes) -> int:
    """Return about how many values a JSON text has; of strings, only where there are many."""
    count = content.count(b",")
    return count if count <= MAX_OLD_ITEMS else STRINGS.sub(b"", content).count(b",")


def _text(source: str) -> str:
    """Return a source for comparison, without what editors change: kinds of line ends, spaces at ends."""
    return "\n".join(line.rstrip() for line in source.replace("\r\n", "\n").replace("\r", "\n").split("\n")).strip("\n")


def _plain(cell) -> nbformat.NotebookNode:
    if not isinstance(cell, dict):
        raise ValueError("a cell that is no object")
    kind = cell.get("cell_type")
    if kind not in ("code", "markdown", "raw"):
        raise ValueError("a cell of unknown type")
    source = cell.get("source", "")
    source = "".join(source) if isinstance(source, list) else source
    if not isinstance(source, str):
        raise ValueError("a cell whose source is no text")
    plain = getattr(nbformat.v4, f"new_{kind}_cell")(writable(source))
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    if isinstance(name, str):
        plain.metadata["nbgrader"] = {"grade_id": name}
    if isinstance(cell.get("id"), str):
        plain.metadata["handed_id"] = cell["id"]
    attachments = cell.get("attachments")
    if kind == "markdown" and isinstance(attachments, dict):
        plain["attachments"] = {
            writable(file): {
                mime: data
                for mime, data in bundle.items()
                if mime in ("image/png", "image/jpeg") and isinstance(data, str) and BASE64.fullmatch(data)
            }
            for file, bundle in attachments.items()
            if isinstance(bundle, dict)
        }
    return plain


def _count(cells: object) -> None:
    if not isinstance(cells, list):
        raise ValueError("no list of cells")
    if len(cells) > MAX_CELLS:
        raise ValueError(f"{len(cells)} cells; {MAX_CELLS} are allowed")


def _grade_id(cell) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


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
