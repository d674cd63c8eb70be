"""Reads the folder of a submission: regular files of bounded size that have one name, behind no link.

Called by all that opens what students hand in. Not here: what the files mean.
"""

import itertools
import os
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autograder.text import one_line

MAX_PATHS = 1000  # of a submission that are looked at, in its folder and again in the folders there
# vae.ipynb.json, vae.ipynb.txt, vae.ipynb (1), vae.json ...
NOTEBOOK = re.compile(r"\.ipynb(\.\w{1,10}|[-_ ]{0,3}\(?\d{1,4}\)?){0,3}$|\.json$", re.IGNORECASE)
# what learning platforms put before a file's name (Canvas, Moodle), and what they and browsers put behind it
PLATFORM = re.compile(r"[a-z]{1,80}(_LATE)?_\d{1,12}_\d{1,12}_|.{0,80}_\d{1,12}_assignsubmission_file_+", re.IGNORECASE)
COPY = re.compile(r"([-_]\d{1,3}| ?\(\d{1,3}\)| - Copy)$")
MAX_FOLDERS = 100  # of each depth
DEPTH = 3  # folders below a submission's in which files are looked for


class Refused(Exception):
    """A file cannot be taken as it is; the text says what it is, what is expected, and what to do."""


def read_bytes(path: Path, limit: int, folder: int | None = None) -> bytes:
    """Return the content of a regular file of at most `limit` bytes.

    Args:
        path: of the file; a link is not followed.
        limit: in bytes.
        folder: a descriptor of the folder that `path` is a name in.
    Raises:
        Refused: it is missing, a link of any kind, not a regular file, or too large.
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
    if info.st_nlink > 1:  # its other name may be anybody's: a neighbour's answers, the instructor's source
        os.close(descriptor)
        raise Refused(
            f"{path.name} is a hard link: this file has {info.st_nlink} names; expected one. Hand in a copy of the file, "
            "which has no other name"
        )
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

    def walk(self) -> list[str]:
        """Return the files here and up to three folders down, nearest first: submissions are packed and unpacked in many ways."""
        files, folders = [], [""]
        for _ in range(DEPTH + 1):
            deeper = []
            for folder in folders:
                with suppress(Refused):
                    for name in self.holding(folder)[0].entries() if folder else self.entries():
                        (deeper if name.endswith("/") else files).append(folder + name)
            folders = deeper[:MAX_FOLDERS]
        return files[:MAX_PATHS]


def some(paths: Collection[str]) -> str:
    """Return the first of these names, and how many more there are."""
    shown = [one_line(path)[:80] for path in list(paths)[:5]] + [f"and {len(paths) - 5} more"] * (len(paths) > 5)
    return ", ".join(shown) or "nothing"


def notebooks(paths: Collection[str], known: Collection[str]) -> list[str]:
    """Return the paths that are named like a notebook, also one that a browser or a learning platform named anew."""
    return [path for path in paths if NOTEBOOK.search(path) and path not in known]
