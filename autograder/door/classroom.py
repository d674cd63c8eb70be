"""`python -m autograder report`: the page and the table of a class, from its stored reports and graded notebooks."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import nbformat
from nbgrader.utils import is_solution

from autograder.course import Course
from autograder.reporting import page
from autograder.reporting.alike import Cell, alike
from autograder.reporting.grades import read
from autograder.reporting.overview import overview
from autograder.trained import gates


def write(course: Course, assignment: str) -> tuple[Path, Path]:
    """Write the page and the table beside the reports, and return their paths.

    Raises:
        ConfigError: there is no report of the assignment, or one cannot be read.
    """
    found = overview(assignment, read(course.root / "reports", assignment))
    given = [cell for path in sorted((course.root / "release" / assignment).glob("*.ipynb")) for cell in _answers(path)]
    written = {
        report.student: _answers(course.root / "autograded" / report.student / assignment / f"{report.notebook}.ipynb")
        for report in found.reports
    }
    reference = gates.bounds(course)
    when = f"{datetime.now():%Y-%m-%d %H:%M}, {course.dataset} at {course.budget}"
    folder = course.root / "reports"
    paths = folder / f"{assignment}.html", folder / f"{assignment}.csv"
    paths[0].write_text(page.page(found, alike(written, given), reference, when), encoding="utf-8")
    paths[1].write_text(page.table(found), encoding="utf-8", newline="")
    return paths


def _answers(path: Path) -> list[Cell]:
    """Return what stands in a notebook's cells of answers; nothing where it cannot be read, as of who has no grade."""
    with suppress(OSError, ValueError, AttributeError):  # as data: nothing in it is executed
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        return [(cell.cell_type, cell.source) for cell in notebook.cells if is_solution(cell)]
    return []
