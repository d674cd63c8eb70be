"""Reads the file of a notebook as data, within bounds, whatever it holds.

Kept are the cells' types and sources, their order, the pictures of answers, and which exercise a cell says it belongs to. Outputs, tags and all
other metadata are dropped.
"""

import json
import re

import nbformat
from nbformat import NotebookNode

from autograder.intake.folder import Refused
from autograder.text import printable, writable

MAX_CELLS = 2000
MAX_ITEMS = 2_000_000  # of JSON: each takes up to a hundred times the memory of its bytes
MAX_OLD_ITEMS = 100_000  # of a notebook in an older format, which nbformat converts
MAX_DIGITS = 4000  # of a number; Python reads up to 4300
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")  # of pictures: nothing that ends an attribute in feedback
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
STRINGS = re.compile(
    rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL
)  # also one that never ends, so that no second search starts in it
SAVE = "Open it in Jupyter, save it, and hand it in again"
# what else people hand in under a notebook's name: how it begins, and what it is
KINDS = (
    (b"PK\x03\x04", "a zip. Unpack it, and hand in what is in it"),
    (b"%PDF", "a PDF. Hand in the notebook itself"),
    (b"\x1f\x8b", "a gzip archive. Unpack it, and hand in what is in it"),
    (b"{\\rtf", "a text of a word processor. Hand in the notebook itself"),
)
UTF16, UTF32 = (b"\xff\xfe", b"\xfe\xff"), (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")


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
