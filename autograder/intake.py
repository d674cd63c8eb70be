"""Opens submissions: regular files of bounded size, and of a notebook only what an assignment needs.

Kept are the cells' types and sources, their order, pictures in markdown, and which exercise a cell belongs to. Outputs, tags and all
other metadata are dropped; a cell's nbgrader metadata is the release's. What cannot be read becomes a refusal, which `examine` turns into
"not graded" with the reason; the run goes on.
"""

import copy
import json
import os
import re
import stat
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.converters.base import NbGraderException
from traitlets import Instance

from autograder import doctor
from autograder.course import ConfigError, Course
from autograder.report import printable

MAX_CELLS = 2000
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")  # of pictures: nothing that ends an attribute in feedback
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}


class Refused(Exception):
    """A file cannot be taken as it is; the text says what it is, what is expected, and what to do."""


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a regular file of at most `limit` bytes.

    Raises:
        Refused: it is missing, a link, not a regular file, or too large.
    """
    try:
        # O_NONBLOCK: opening a FIFO must not wait for a writer
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(
            f"{path.name} cannot be opened ({error.strerror}); expected a regular file. Hand it in again"
        ) from None
    info = os.fstat(descriptor)
    if not stat.S_ISREG(info.st_mode):
        os.close(descriptor)  # a folder, too, can be opened, but not as a file
        raise Refused(f"{path.name} is not a regular file. Hand in the file itself")
    with open(descriptor, "rb") as file:
        content = file.read(limit + 1) if info.st_size <= limit else b""  # it may grow while it is read
        if max(info.st_size, len(content)) > limit:
            raise Refused(
                f"{path.name} has {info.st_size / 2**20:.1f} MiB; {limit / 2**20:.1f} are allowed. Of a notebook, clear all outputs; "
                "hand in only what is asked for"
            )
        return content


def read_notebook(content: bytes, name: str) -> nbformat.NotebookNode:
    """Return a notebook of format 4 from the content of a file.

    Raises:
        Refused: the content is not a notebook.
    """
    try:
        text = content.decode("utf-8-sig")
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Refused(
            f"{name} is not valid JSON{where}, so it is no notebook. Open it in Jupyter, save it, and hand it in again"
        ) from None
    try:
        if not isinstance(data, dict):
            raise ValueError("no JSON object")
        if data.get("nbformat") == 4:
            _count(data.get("cells"))  # before anything is made of them
            notebook = nbformat.from_dict(data)
        else:
            notebook = nbformat.convert(nbformat.reader.reads(text), 4)  # the reader joins lines in older formats
        _count(notebook.get("cells"))
        return nbformat.v4.new_notebook(
            cells=[_plain(cell) for cell in notebook.cells], metadata={"kernelspec": KERNELSPEC}
        )
    except Exception as error:  # whatever a malformed notebook makes a library raise
        raise Refused(
            f"{name} is not a notebook ({type(error).__name__}: {printable(str(error))[:200]}). Open it in Jupyter, save it, and hand it in again"
        ) from None


def fit_to_release(submitted: nbformat.NotebookNode, release: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the submission with the release's metadata on its cells, doubles resolved, and missing cells put back.

    A second cell of the same exercise (from splitting or copying a cell) stays as a plain cell if it is code, and is joined to the
    first one if it is a written answer; a second copy of a locked cell is dropped.
    """
    known = {_grade_id(cell): cell for cell in release.cells if _grade_id(cell)}
    cells, seen = [], {}
    for cell in submitted.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.metadata = nbformat.from_dict({})
        if name not in known:
            cells.append(cell)
        elif name not in seen:
            model = known[name]
            seen[name] = _like(model, cell)
            cells.append(seen[name])
        elif known[name].metadata.nbgrader.locked:
            continue
        elif known[name].cell_type == "markdown":
            seen[name].source += "\n\n" + cell.source
        else:
            cells.append(cell)
    place = 0
    for name, model in known.items():
        if name in seen:
            place = cells.index(seen[name]) + 1
        else:
            cells.insert(place, copy.deepcopy(model))
            place += 1
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})
    names = set()
    for index, cell in enumerate(notebook.cells):
        cell.id = _grade_id(cell) or f"cell-{index}"
        if cell.id in names:
            cell.id = f"cell-{index}"
        names.add(cell.id)
    return notebook


class Intake(NotebookExporter):
    """The exporter that `nbgrader autograde` opens notebooks with; checks the course once before the first."""

    course = Instance(Course)
    refusals: dict[tuple[str, str, str], str] = {}  # of this process: (student, assignment, notebook) -> reason

    def __init__(self, *args, **kwargs):
        from autograder.nbgrader import course

        super().__init__(*args, course=course(), **kwargs)
        try:
            doctor.preflight(self.course, self.parent.coursedir)
        except ConfigError as error:
            for line in str(error).splitlines():
                self.log.error(line)
            raise NbGraderException(str(error)) from None

    def from_filename(self, filename, resources=None, **kwargs):
        """Return the notebook of a submission; one that cannot be read is replaced by the unsolved release and refused."""
        if not self.parent._sanitizing:  # the second pass reads what the first one wrote
            return super().from_filename(filename, resources, **kwargs)
        who = resources["nbgrader"]
        key = (who["student"], who["assignment"], who["notebook"])
        self.refusals.pop(key, None)
        coursedir = self.parent.coursedir
        folder = Path(coursedir.format_path(coursedir.release_directory, ".", who["assignment"]))
        release = nbformat.read(folder / f"{who['notebook']}.ipynb", as_version=4)
        try:
            content = read_bytes(Path(filename), self.course.notebook_limit_mib * 2**20)
            notebook = fit_to_release(read_notebook(content, Path(filename).name), release)
        except Refused as refusal:
            self.log.warning("%s, %s: %s", who["student"], who["assignment"], printable(str(refusal)))
            self.refusals[key] = str(refusal)
            notebook = release
        resources["metadata"] = {"name": who["notebook"], "path": str(Path(filename).parent)}
        return self.from_notebook_node(notebook, resources, **kwargs)


def _plain(cell) -> nbformat.NotebookNode:
    kind = cell.get("cell_type")
    if kind not in ("code", "markdown", "raw"):
        raise ValueError("a cell of unknown type")
    source = cell.get("source", "")
    source = "".join(source) if isinstance(source, list) else source
    if not isinstance(source, str):
        raise ValueError("a cell whose source is no text")
    plain = getattr(nbformat.v4, f"new_{kind}_cell")(_writable(source))
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    if isinstance(name, str):
        plain.metadata["nbgrader"] = {"grade_id": name}
    attachments = cell.get("attachments")
    if kind == "markdown" and isinstance(attachments, dict):
        plain["attachments"] = {
            _writable(file): {
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


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()  # lone surrogates cannot be written to any file


def _grade_id(cell) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _like(model, cell) -> nbformat.NotebookNode:
    """Return the release's cell with the submission's source, which stays the release's where the cell is locked."""
    own = copy.deepcopy(model)
    if not model.metadata.nbgrader.locked:
        own.source = cell.source
        if "attachments" in cell and own.cell_type == "markdown":
            own["attachments"] = cell.attachments
    return own
