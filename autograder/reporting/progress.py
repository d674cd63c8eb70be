"""What somebody sees who waits for a class to be examined: a bar with counts, rate and time left, and a line when one ends."""

import textwrap
import time

from tqdm import tqdm

from autograder.reporting.report import Report
from autograder.text import one_line, printable

WIDTH = 100


class Progress:
    """A bar over a known number of examinations; also a context manager.

    Args:
        number: of what is to be done.
    """

    def __init__(self, number: int):
        self._bar = tqdm(total=number, unit="submission", dynamic_ncols=True, smoothing=0)
        self._failed: list[str] = []

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error) -> None:
        self._bar.close()

    def passed(self) -> None:
        """Count a submission of which nothing is to be examined."""
        self._bar.update()

    def ended(self, student: str, report: Report | None, why: str) -> None:
        """Say what came of a submission: its score and one reason, or why it could not be examined."""
        if report is None or not report.graded:
            self._failed.append(one_line(student))
            self._bar.set_postfix_str(f"not graded: {', '.join(self._failed[-3:])}")
        self._bar.write(result(student, report, why))
        self._bar.update()


def result(student: str, report: Report | None, why: str = "") -> str:
    """Return one line on what came of a submission: its score and one reason, or why it could not be examined.

    Args:
        report: None where there is none.
        why: it could not be examined.
    """
    if report is None or not report.graded:
        said = f"not graded: {why}" if report is None else report.line()
        return f"{one_line(student)}: {textwrap.shorten(printable(said), 3 * WIDTH, placeholder=' …')}"
    said = textwrap.shorten(printable(report.line()), WIDTH, placeholder=" …")
    return f"{one_line(student)}: {report.score:g} / {report.points:g}; {said} ({report.seconds:.0f} s)"


def left(started: float, done: int, number: int) -> str:
    """Return how much time is left, judged by what was done since `started` (time.monotonic()); empty at the end."""
    rest = number - done
    return f", {tqdm.format_interval((time.monotonic() - started) / done * rest)} left" if done and rest else ""
