"""What is looked at after a submission was graded: secrets, scripts, files, processes, the gradebook and the report."""

import base64
import hashlib
import html.parser
import os
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil

from autograder.reporting.report import Report
from tests.attacks.corpus import Attack

KIT_SECRETS = {  # the beginnings of files that no submission may see
    "the hidden suite": "Hidden tests of the assignment on variational",
    "the hidden suite's oracles": "What the hidden suite knows to be true",
    "the reference solution": "Reference solution, made from source",
}
LARGE = 2**26  # bytes; of larger files, which submissions may claim, time and size are looked at
ENDING_S = 3  # how long processes may take to be gone


class Finder:
    """Finds secrets in files, however an attack wrote them.

    Args:
        secrets: {what it is: the secret}.
    """

    def __init__(self, secrets: dict[str, str]):
        self._patterns = {what: re.compile("|".join(forms(secret))) for what, secret in (secrets | KIT_SECRETS).items()}

    def found(self, files: Iterable[Path]) -> list[str]:
        """Return what stands in any of the files."""
        texts = [_beginning(path).decode("utf-8", "replace") for path in files]
        return [what for what, pattern in self._patterns.items() if any(map(pattern.search, texts))]


def forms(secret: str) -> set[str]:
    """Return patterns of a secret as it is, reversed, in hex, in base64 at any place, and with its characters apart."""
    written = {secret, secret[::-1], secret.encode().hex()}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret.encode()).decode()
        written.add(encoded[-(-before * 8 // 6) : len(secret) * 8 // 6])  # without what the neighbours decide
    return {re.escape(one) for one in written} | {r"(?:\\[nrt]|\W){1,4}".join(map(re.escape, secret))}


class _Page(html.parser.HTMLParser):
    """Collects what of a page would run, or fetch something, on behalf of an attack."""

    def __init__(self):
        super().__init__()
        self.found, self._inside = [], ""

    def handle_starttag(self, tag, attrs):
        self._inside = tag
        for name, value in attrs:
            runs = name.startswith("on") or (value or "").strip().lower().startswith(("javascript:", "http://attack"))
            if runs and "attack" in (value or ""):
                self.found.append(f"{name}={value!r:.60}")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside in ("script", "style") and "attack" in data:
            self.found.append(f"<{self._inside}>{data.strip():.60}")


def active(page: str) -> list[str]:
    """Return what an attack would make a browser run or fetch from a page."""
    reader = _Page()
    reader.feed(page)
    return reader.found


def files(*folders: Path) -> Iterator[Path]:
    """Yield all that lies below folders, links and special files included, without following links."""
    for folder in folders:
        for place, inner, names in os.walk(folder):
            links = (name for name in inner if Path(place, name).is_symlink())
            yield from (Path(place, name) for name in (*names, *links))


def _beginning(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(LARGE)


def regular(path: Path) -> bool:
    """Return whether a path is a file itself, and no link."""
    return path.is_file() and not path.is_symlink()


def fingerprint(path: Path) -> tuple:
    """Return what tells whether a file was changed."""
    info = path.lstat()
    if path.is_symlink():
        content = os.readlink(path)
    else:
        read = regular(path) and info.st_size < LARGE
        content = hashlib.sha256(path.read_bytes()).hexdigest() if read else str(info.st_size)
    return info.st_mode, info.st_mtime_ns, info.st_uid, content


def rows_of_others(gradebook: Path, student: str) -> list[tuple]:
    """Return all of a gradebook but what belongs to a student."""
    rows, own = [], {student}
    with closing(sqlite3.connect(gradebook)) as database:
        schema = database.execute("select * from sqlite_master").fetchall()
        names = {name for kind, name, *_ in schema if kind == "table"}
        # in this order each row names its owner by something that came before
        first = ("student", "submitted_assignment", "submitted_notebook")
        for table in (*first, *sorted(names.difference(first))):
            for row in database.execute(f'select * from "{table}"'):
                if own.isdisjoint(row):
                    rows.append((table, *map(str, row)))
                else:
                    own.add(row[0])
    return [*map(str, schema), *sorted(rows)]


def left_running(pid: int, patience_s: float = ENDING_S) -> list[str]:
    """End all that runs below a process, and return its names where it did not end by itself in time."""
    deadline = time.monotonic() + patience_s
    while left := [one for one in psutil.Process(pid).children(recursive=True) if _runs(one) and not _serves(one, pid)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    names = []
    for one in left:
        with suppress(psutil.Error):
            names.append(f"{one.name()} {' '.join(one.cmdline())[:60]}")
            one.kill()
    return names


def _serves(process: psutil.Process, pid: int) -> bool:
    """Return whether a process is one from which examinations are started, which ends with the grader itself."""
    try:
        return process.ppid() == pid and "multiprocessing." in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def memory_peak_mib(pid: int, reset: bool = False) -> float:
    """Return the most memory that a process has held since the last reset."""
    if reset:
        with suppress(OSError):  # where this is not allowed, the peak is that of all its life
            Path(f"/proc/{pid}/clear_refs").write_text("5")
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def judge(attack: Attack, report: Report, without: float) -> list[str]:
    """Return what an attack achieved, as its report shows.

    Args:
        without: the score of what the attack was added to.
    """
    reasons = [f"an error of the grader: {report.error.strip().splitlines()[-1]}"] if report.error.strip() else []
    if report.graded != attack.graded:
        return [*reasons, report.line() if attack.graded else f"is graded: {report.score:g} of {report.points:g}"]
    text = "\n".join((report.line(), *report.notes, *report.flags, *(outcome.message for outcome in report.outcomes)))
    if not re.search(attack.said, text):
        reasons.append(f"the report does not say {attack.said!r}: {report.line()}")
    if attack.graded and report.score > without and not attack.flagged:
        reasons.append(f"scores {report.score:g} of {report.points:g}; without the attack {without:g}")
    if attack.graded and attack.base == "right":
        lost = {cell for cell, mark in report.marks.items() if mark.score < mark.points} - set(attack.costs)
        reasons += [
            f"costs {cell}: {next(o.message for o in report.of(cell) if o.credit < 1)}" for cell in sorted(lost)
        ]
    return reasons
