"""The table of an assignment's stored reports: students, scores, and one line why."""

import textwrap
from pathlib import Path

from autograder.course import ConfigError
from autograder.report import Report, printable

WIDTH = 110


def table(folder: Path, assignment: str) -> str:
    """Return the table of the reports under `folder`, best score first.

    Raises:
        ConfigError: there is no report of the assignment.
    """
    reports = [Report.load(path) for path in folder.glob(f"*/{assignment}/*.json")]
    if not reports:
        raise ConfigError(f"{folder.name}: no report of {assignment}; run `nbgrader autograde {assignment}` first")
    reports.sort(key=lambda report: (-report.score if report.graded else 1, report.student))
    width = max(len(report.student) for report in reports)
    lines = [f"{'student':{width}}  {'score':>12}  why"]
    for report in reports:
        score = f"{report.score:g} / {report.points:g}" if report.graded else "not graded"
        why = textwrap.shorten(printable(report.line()), WIDTH, placeholder=" …")
        lines.append(f"{report.student:{width}}  {score:>12}  {why}")
    return "\n".join(lines)
