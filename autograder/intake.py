"""Opens submissions: regular files of bounded size, behind no link, and of a notebook only what an assignment needs.

nbgrader is shown a staging folder in the place of submitted/: for each submission the release's notebooks, empty, and the time that
counts. What is graded is read from submitted/ itself, at the moment it is graded. Of a notebook, kept are the cells' types and sources,
their order, the pictures of answers, and which exercise a cell belongs to. Outputs, tags and all other metadata are dropped; a cell's
nbgrader metadata is the release's. What cannot be read becomes a refusal, which `examine` turns into "not graded" with the reason; the
run goes on. Not seen here: a student who sets the clock of the notebook back together with its timestamp.
"""

import copy
import fnmatch
import glob
import itertools
import json
import os
import re
import shutil
import stat
import tempfile
import unicodedata
import weakref
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.converters.base import NbGraderException
from nbgrader.utils import is_solution, parse_utc
from traitlets import Instance

from autograder import doctor
from autograder.course import ConfigError, Course
from autograder.report import printable

MAX_CELLS = 2000
MAX_PATHS = 1000  # of a submission that are looked at, in its folder and again in the folders there
MAX_CANDIDATES = 10  # notebooks that are read in search of a missing one
MAX_CHECKPOINTS = 32
MAX_PICTURES = 20
PICTURES_LIMIT = 16 * 2**20  # bytes of all picture files of a notebook
ANSWERS_LIMIT = 10**6  # characters of written answers in which the names of picture files are looked for
SMALL_LIMIT = 1024  # bytes of a timestamp or a secret
TOLERANCE = timedelta(minutes=1)  # between a notebook's last change and its timestamp, and between clocks
PICTURES = {".png": b"\x89PNG\r\n\x1a\n", ".jpg": b"\xff\xd8\xff", ".jpeg": b"\xff\xd8\xff"}  # what each begins with
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")  # of pictures: nothing that ends an attribute in feedback
ATTACHMENT = re.compile(r"""attachment:([^\s()<>"']+)""")
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}


class Refused(Exception):
    """A file cannot be taken as it is; the text says what it is, what is expected, and what to do."""


def read_bytes(path: Path, limit: int, folder: int | None = None) -> bytes:
    """Return the content of a regular file of at most `limit` bytes.

    Args:
        path: of the file; a link is not followed.
        limit: in bytes.
        folder: a descriptor of the folder that `path` is a name in.
    Raises:
        Refused: it is missing, a link, not a regular file, or too large.
    """
    try:
        # O_NONBLOCK: opening a FIFO must not wait for a writer
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
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


@dataclass(frozen=True)
class Folder:
    """A folder of submissions, read without following any link below `base`; paths are relative to it, with slashes."""

    base: Path
    parts: tuple[str, ...] = ()

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Yield a descriptor of the folder, which stays that folder whatever is put in its place meanwhile.

        Raises:
            Refused: it or a folder above it is missing, a link, or not a folder.
        """
        flags = os.O_RDONLY | os.O_DIRECTORY
        descriptor = os.open(self.base, flags)
        try:
            for part in self.parts:
                try:
                    inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=descriptor)
                except OSError as error:
                    raise Refused(
                        f"{part} cannot be opened ({error.strerror}); expected a folder, not a link. Hand in the files themselves"
                    ) from None
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    @classmethod
    def of(cls, coursedir, path: str) -> "Folder":
        """Return the folder of a submission from its path as nbgrader's CourseDirectory formats it."""
        base = Path(coursedir.format_path(coursedir.submitted_directory, ".", "."))
        return cls(base, tuple(os.path.relpath(path, base).split(os.sep)))

    def holding(self, path: str) -> tuple["Folder", Path]:
        """Return the folder in which a path's last part lies, and that part."""
        *parts, name = path.split("/")
        return Folder(self.base, (*self.parts, *parts)), Path(name)

    def read(self, path: str, limit: int) -> bytes:
        """Return the content of a regular file of at most `limit` bytes; raises Refused like `read_bytes`."""
        folder, name = self.holding(path)
        with folder.opened() as descriptor:
            return read_bytes(name, limit, descriptor)

    def status(self, path: str) -> os.stat_result | None:
        """Return what is known of a path, of a link itself; None where nothing has this name."""
        folder, name = self.holding(path)
        with folder.opened() as descriptor, suppress(OSError):
            return os.stat(name, dir_fd=descriptor, follow_symlinks=False)

    def entries(self) -> list[str]:
        """Return the names in the folder that are not hidden, a folder's with a slash at its end; of very many, some."""
        with self.opened() as descriptor, os.scandir(descriptor) as found:
            shown = (entry for entry in found if not entry.name.startswith("."))
            return sorted(
                entry.name + "/" * entry.is_dir(follow_symlinks=False) for entry in itertools.islice(shown, MAX_PATHS)
            )

    def paths(self) -> list[str]:
        """Return the entries here and in the folders here: a packed submission may come with a folder of its own."""
        here, inner = self.entries(), []
        for path in here:
            if path.endswith("/") and len(inner) < MAX_PATHS:
                with suppress(Refused):
                    inner += [path + name for name in self.holding(path)[0].entries()]
        return here + inner


@dataclass
class Submission:
    """What is known of one notebook of a submission when it is examined."""

    folder: Folder
    refusal: str = ""
    notes: list[str] = field(default_factory=list)  # for student and instructor
    flags: list[str] = field(default_factory=list)  # for the instructor to look at


def find_notebook(
    folder: Folder, name: str, release: nbformat.NotebookNode, others: Collection[str], limit: int
) -> tuple[str, nbformat.NotebookNode]:
    """Return the path of a submission's notebook, and the notebook.

    Where its name is missing, the one other notebook that holds half of the release's grade_ids is taken for it.

    Args:
        folder: of the submission.
        name: that the notebook has in the release.
        release: the notebook of this name.
        others: names of the release's other notebooks.
        limit: bytes of a notebook.
    Raises:
        Refused: it is missing, cannot be read, or is not a notebook.
    """
    if folder.status(name) is not None:
        return name, read_notebook(folder.read(name, limit), name)
    paths = folder.paths()
    expected = {_grade_id(cell) for cell in release.cells} - {None}
    fitting = {}
    for path in _notebooks(paths, others)[:MAX_CANDIDATES]:
        with suppress(Refused):
            notebook = read_notebook(folder.read(path, limit), path)
            if 0 < len(expected) <= 2 * len(expected & {_grade_id(cell) for cell in notebook.cells}):
                fitting[path] = notebook
    if len(fitting) == 1:
        return fitting.popitem()
    if fitting:
        raise Refused(f"{name} is missing, and each of {_some(fitting)} could be it. Hand in one, as {name}")
    found = [path for path in paths if path not in ("timestamp.txt", "submission_secret.txt")]  # not the student's
    raise Refused(f"{name} is missing; found: {_some(found)}. Hand in the notebook as {name}")


def checkpoints(folder: Folder, limit: int) -> tuple[dict[str, bytes], list[str]]:
    """Return copies of a submission's checkpoints, at most `limit` bytes in all, and what was left out and why."""
    files, notes = {}, []
    if folder.status("checkpoints") is None:
        return files, notes
    try:
        names = folder.holding("checkpoints/")[0].entries()
    except Refused as refusal:
        return files, [f"{refusal}."]
    for name in [name for name in names if name.endswith(".safetensors")][:MAX_CHECKPOINTS]:
        path = f"checkpoints/{name}"
        try:
            files[path] = folder.read(path, limit)
            limit -= len(files[path])
        except Refused as refusal:
            notes.append(f"{refusal}.")
    return files, notes


def pictures(folder: Folder, text: str) -> tuple[dict[str, bytes], list[str]]:
    """Return copies of the picture files that a text names, by path, and what was left out and why."""
    files, notes, limit = {}, [], PICTURES_LIMIT
    for path in folder.paths():
        begin = PICTURES.get(Path(path).suffix.lower())
        if begin is None or path.endswith("/") or not (path in text or quote(os.fsencode(path)) in text):
            continue
        try:
            if len(files) == MAX_PICTURES:
                raise Refused(f"{path} was left out: {MAX_PICTURES} pictures are allowed")
            content = folder.read(path, limit)
            if not content.startswith(begin):
                raise Refused(f"{path} was left out: it is not what its name says, a PNG or JPEG picture")
        except Refused as refusal:
            notes.append(f"{refusal}.")
        else:
            files[path] = content
            limit -= len(content)
    return files, notes


def submission_time(folder: Folder, names: Collection[str], trusted: bool = False) -> tuple[datetime | None, str]:
    """Return when a submission was handed in, and what is to be said where that is not what its timestamp.txt says.

    A timestamp counts where it is neither still to come nor older than the notebook; else the notebook's last change does. Without
    timestamp.txt there is no time, as nbgrader has it.

    Args:
        folder: of the submission.
        names: of the release's notebooks.
        trusted: whether every timestamp that names a time counts.
    Returns:
        The time in UTC, without a zone, and a sentence, empty where there is nothing to say.
    Raises:
        Refused: the folder cannot be opened.
    """
    if folder.status("timestamp.txt") is None:
        return None, ""
    now = datetime.now(UTC).replace(tzinfo=None)
    try:
        said = parse_utc(folder.read("timestamp.txt", SMALL_LIMIT).decode("utf-8-sig").strip())
        if not 1970 <= said.year < 3000:
            raise ValueError
    except Exception:  # a link, a device, any text: whatever was put there, and whatever a parser makes of it
        said = None
    files = [name for name in names if folder.status(name) is not None]
    if len(files) < len(names):
        files += _notebooks(folder.paths(), names)
    known = [info for path in files if (info := folder.status(path)) and stat.S_ISREG(info.st_mode)]
    changed = max((_changed(info, now) for info in known), default=None)
    if said is None:
        problem = "timestamp.txt names no time"
    elif trusted:
        return said, ""
    elif said > now + TOLERANCE:
        problem = f"timestamp.txt names {said:%Y-%m-%d %H:%M:%S} UTC, which is still to come"
    elif changed is not None and said < changed - TOLERANCE:
        problem = f"timestamp.txt names {said:%Y-%m-%d %H:%M:%S} UTC, but the notebook was changed after that"
    else:
        return said, ""
    if changed is None:
        return None, ""  # there is no notebook that could be late
    return changed, f"{problem}: the time of the notebook counts, {changed:%Y-%m-%d %H:%M:%S} UTC."


def listed_time(api, assignment_id: str, student_id: str) -> datetime | None:
    """Return the time that counts of a submission, for formgrader's lists.

    It takes the place of a method of nbgrader's API that opens whatever has the name timestamp.txt: a FIFO stops formgrader's server,
    and other text its list of submissions; a time that does not count is shown as a submission that waits to be graded.
    """
    from autograder.nbgrader import course

    coursedir = api.coursedir
    folder = Folder.of(coursedir, coursedir.format_path(coursedir.submitted_directory, student_id, assignment_id))
    release = Path(coursedir.format_path(coursedir.release_directory, ".", assignment_id))
    names = [path.name for path in release.glob("*.ipynb")]
    try:
        return submission_time(folder, names, course().submission_time == "collected")[0]
    except (Refused, OSError):
        return None


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
            _join(seen[name], cell)
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
    """The exporter that `nbgrader autograde` opens notebooks with; made once a run, it checks the course and stages the submissions."""

    course = Instance(Course)

    def __init__(self, *args, **kwargs):
        from autograder.nbgrader import course

        super().__init__(*args, course=course(), **kwargs)
        try:
            doctor.preflight(self.course, self.parent.coursedir)
            self._stage()
        except ConfigError as error:
            for line in str(error).splitlines():
                self.log.error(line)
            raise NbGraderException(str(error)) from None

    def _stage(self) -> None:
        """Show the converter a staging folder in the place of submitted/.

        Raises:
            ConfigError: no notebook of the release has the name that was asked for.
        """
        converter, original = self.parent, self.parent.coursedir
        assignment, wanted = original.assignment_id, original.notebook_id
        release = Path(original.format_path(original.release_directory, ".", assignment))
        self._release = {path.name: nbformat.read(path, as_version=4) for path in sorted(release.glob("*.ipynb"))}
        names = fnmatch.filter(self._release, f"{wanted}.ipynb")
        if not names:
            raise ConfigError(
                f"release/{assignment}: no notebook matches {wanted!r}; there are {_some(self._release)}."
            )
        self._submissions = {student: Submission(folder) for student, folder in self._found()}
        for student, why in converter.misplaced().items():
            place = original.format_path(original.submitted_directory, student, assignment)
            self._submissions.setdefault(student, Submission(Folder.of(original, place), refusal=why))
        self._taken: dict[tuple[str, str], Submission] = {}  # by student and notebook
        staged = copy.copy(original)  # formgrader's server keeps the original and goes on using it
        staged.submitted_directory = tempfile.mkdtemp(prefix="submitted-")
        weakref.finalize(self, shutil.rmtree, staged.submitted_directory, ignore_errors=True)
        converter.coursedir = staged
        places = {}
        for student, submission in self._submissions.items():
            place = converter._format_source(assignment, student)
            os.makedirs(place)
            for name in self._release:
                Path(place, name).touch()
            with suppress(Refused):  # the folder's; said again of each notebook when that is to be opened
                self._stage_texts(submission, Path(place))
            places[place] = [os.path.join(place, name) for name in names]
        converter.assignments = places

    def _found(self) -> Iterator[tuple[str, Folder]]:
        """Yield students and the folders of their submissions, also where the converter saw no notebook and passed them over."""
        converter, coursedir = self.parent, self.parent.coursedir
        pattern = re.compile(converter._format_source(".*", "(?P<student>.*)", escape=True), re.DOTALL)
        for path in glob.glob(converter._format_source(coursedir.assignment_id, coursedir.student_id)):
            student = pattern.fullmatch(path)["student"]
            if any(unicodedata.category(character) in ("Cc", "Cs") for character in student):
                self.log.error("%s: not graded: the name holds control characters. Rename the folder", _line(student))
            elif student not in coursedir.student_id_exclude.split(","):
                yield student, Folder.of(coursedir, path)

    def _stage_texts(self, submission: Submission, place: Path) -> None:
        time, remark = submission_time(submission.folder, self._release, self.course.submission_time == "collected")
        if time is not None:
            (place / "timestamp.txt").write_text(f"{time} UTC")
        if remark:
            submission.notes.append(remark)
            submission.flags.append(remark)
        with suppress(Refused, UnicodeDecodeError):  # the exchange's, without which it cannot give feedback back
            secret = submission.folder.read("submission_secret.txt", SMALL_LIMIT)
            (place / "submission_secret.txt").write_text(secret.decode())

    def from_filename(self, filename, resources=None, **kwargs):
        """Return the notebook of a submission; one that cannot be read is replaced by the unsolved release and refused.

        The second pass over a notebook reads what the first one wrote, and finds its Submission in resources["submission"].
        """
        who = resources["nbgrader"]
        student, assignment, name = who["student"], who["assignment"], f"{who['notebook']}.ipynb"
        if not self.parent._sanitizing:
            resources["submission"] = self._taken[student, name]
            return super().from_filename(filename, resources, **kwargs)
        submission = self._taken[student, name] = copy.deepcopy(self._submissions[student])
        release = self._release[name]
        try:
            if submission.refusal:
                raise Refused(submission.refusal)
            path, notebook = find_notebook(
                submission.folder, name, release, self._release.keys() - {name}, self.course.notebook_limit_mib * 2**20
            )
        except Refused as refusal:
            self.log.warning("%s, %s: %s", printable(student), assignment, _line(str(refusal)))
            submission.refusal = str(refusal)
            notebook = release
        else:
            notebook = fit_to_release(notebook, release)
            if path != name:
                submission.notes.append(f"{_line(path)} was taken as {name}.")
                submission.folder, _ = submission.folder.holding(path)
            resources["outputs"] = self._pictures(submission, notebook, assignment, student)
        resources["metadata"] = {"name": who["notebook"], "path": str(Path(filename).parent)}
        return self.from_notebook_node(notebook, resources, **kwargs)

    def _pictures(self, submission, notebook, assignment, student) -> dict[str, bytes]:
        """Return the picture files of the written answers for nbconvert's writer; the source's own stay as they are."""
        answers = "\n".join(
            cell.source for cell in notebook.cells if cell.cell_type == "markdown" and is_solution(cell)
        )
        files, notes = pictures(submission.folder, answers[:ANSWERS_LIMIT])
        submission.notes += notes
        coursedir = self.parent.coursedir
        source = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
        files = {path: content for path, content in files.items() if not (source / path).exists()}
        for path in files:  # an earlier run's are read-only
            Path(self.parent._format_dest(assignment, student), path).unlink(missing_ok=True)
        return files


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


def _join(first, second) -> None:
    """Add a cell's text and attachments to those of another."""
    names = {}
    for file, bundle in second.get("attachments", {}).items():
        held = first.setdefault("attachments", {})
        names[file] = file if held.get(file, bundle) == bundle else f"{len(held)}-{file}"
        held[names[file]] = bundle
    text = ATTACHMENT.sub(lambda found: f"attachment:{names.get(found[1], found[1])}", second.source)
    first.source += "\n\n" + text


def _like(model, cell) -> nbformat.NotebookNode:
    """Return the release's cell with the submission's source, which stays the release's where the cell is locked."""
    own = copy.deepcopy(model)
    if not model.metadata.nbgrader.locked:
        own.source = cell.source
        if "attachments" in cell and own.cell_type == "markdown":
            own["attachments"] = cell.attachments
    return own


def _notebooks(paths: Collection[str], known: Collection[str]) -> list[str]:
    return [path for path in paths if path.lower().endswith(".ipynb") and path not in known]


def _line(text: str) -> str:
    return printable(" ".join(text.split()))  # a name may hold line ends, too


def _some(paths: Collection[str]) -> str:
    shown = [_line(path)[:80] for path in list(paths)[:5]] + [f"and {len(paths) - 5} more"] * (len(paths) > 5)
    return ", ".join(shown) or "nothing"


def _changed(info: os.stat_result, now: datetime) -> datetime:
    """Return when a file was last changed: of a time still to come, when it came here; nobody can set that."""
    seconds = info.st_mtime if info.st_mtime <= now.replace(tzinfo=UTC).timestamp() else info.st_ctime
    return min(datetime.fromtimestamp(max(seconds, 0), UTC).replace(tzinfo=None), now)
