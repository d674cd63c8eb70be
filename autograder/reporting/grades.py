"""The table of an assignment's stored reports: students, scores, one line why, and what the instructor should look at."""

import textwrap
from pathlib import Path

from autograder.course import ConfigError
from autograder.reporting import shared
from autograder.reporting.report import EARLIER, Report
from autograder.text import printable

WIDTH = 110
SHOWN = 3  # students named with a flag; of more, the number


def read(folder: Path, assignment: str, suffix: str = ".json") -> list[Report]:
    """Return the reports of an assignment under `folder`, by student.

    Args:
        suffix: of their files: those that stand, or those that were replaced by them.
    Raises:
        ConfigError: there is none, or one cannot be read.
    """
    reports = []
    for path in sorted(folder.glob(f"*/{assignment}/*{suffix}")):
        try:
            reports.append(Report.load(path))
        except (OSError, ValueError):
            raise ConfigError(
                f"{path.relative_to(folder.parent)}: not a readable report; grade this student again"
            ) from None
    if not reports and suffix == EARLIER:
        raise ConfigError(f"{folder.name}: nothing of {assignment} was graded twice, so there is nothing to compare")
    if not reports:
        raise ConfigError(f"{folder.name}: no report of {assignment}; run `nbgrader autograde {assignment}` first")
    return reports


def table(folder: Path, assignment: str) -> str:
    """Return the table of the reports under `folder`, best score first, and below it whose submissions are flagged and why.

    Raises:
        ConfigError: there is no report of the assignment, or one cannot be read.
    """
    reports = read(folder, assignment)
    reports.sort(key=lambda report: (-report.score if report.graded else 1, report.student))
    width = max(len(report.student) for report in reports)
    lines = [f"{'student':{width}}  {'score':>12}  why"]
    for report in reports:
        score = f"{report.score:g} / {report.points:g}" if report.graded else "not graded"
        why = textwrap.shorten(printable(report.line()), WIDTH, placeholder=" …")
        lines.append(f"{report.student:{width}}  {score:>12}  {why}")
    flagged: dict[str, list[str]] = {}
    for report in reports:
        for flag in report.flags:
            if not flag.startswith(shared.SAME):  # one line for all who share them, below
                flagged.setdefault(flag, []).append(report.student)
    for flag, students in flagged.items():
        who = ", ".join(students) if len(students) <= SHOWN else f"{len(students)} submissions"
        lines.append(f"flagged: {who}: {printable(flag)}")
    for students in shared.groups(reports):
        lines.append(f"flagged: {', '.join(students)}: the same weights, or nearly")
    return "\n".join(lines)
