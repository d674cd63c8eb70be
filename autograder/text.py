"""Texts of a submission, made fit for a file, a terminal, and one line. Called by all rooms; wire has its own, as it is sent to kernels."""

import math
from datetime import timedelta


def writable(text: str) -> str:
    """Return `text` with a question mark for each lone surrogate, which a submission's text may hold and no file can."""
    return text.encode("utf-8", "replace").decode()


def printable(text: str) -> str:
    """Return `text` without control and bidirectional characters but line ends and tabs, so that a terminal only shows it."""
    return "".join(c if c in "\n\t" or c.isprintable() else "�" for c in text)


def one_line(text: str) -> str:
    """Return a name, which may hold line ends and control characters, as one printable line."""
    return printable(" ".join(text.split()))


def named(people: list[str], most: int = 10) -> str:
    """Return the names of students for a line; of more than `most`, the first of them and the number of the others."""
    shown = ", ".join(one_line(name) for name in people[:most])
    return shown + f" and {len(people) - most} more" * (len(people) > most)


def in_words(span: timedelta) -> str:
    """Return a time span in days and hours, or in minutes where it is less than an hour.

    Example:
        >>> in_words(timedelta(seconds=122460))
        '1 day 10 hours'
    """
    minutes = math.ceil(span / timedelta(minutes=1))
    if minutes < 60:
        return _many(minutes, "minute")
    days, hours = divmod(minutes // 60, 24)
    return " ".join(_many(number, unit) for number, unit in ((days, "day"), (hours, "hour")) if number)


def _many(number: int, unit: str) -> str:
    return f"{number} {unit}{'s' * (number != 1)}"
