"""Whose submissions share weights, also with a little noise on them: told by the short sketches that their reports keep; see `trained.similar`."""

import math
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from autograder.reporting.report import Report, Sketch

# as a share of the weights' size; two runs of one seed that differ in one rounding end 0.29 apart (glyphs, quick), two seeds 1.3
NEAR = 0.1
SAME = "the same weights as"


def near(one: Sketch, other: Sketch) -> bool:
    """Return whether two sketches are of the same weights, or of ones with a little noise on them."""
    return one.layout == other.layout and math.dist(one.values, other.values) < NEAR


class Seen:
    """The weights of all whose report of a notebook is stored; those of one run, which reads each report once.

    Args:
        folder: of the reports. assignment, notebook: of which.
    """

    def __init__(self, folder: Path, assignment: str, notebook: str):
        self._weights: dict[str, Report] = {}
        for path in sorted(folder.glob(f"*/{assignment}/{notebook}.json")):
            with suppress(OSError, ValueError):  # a damaged report of another student is no reason to stop here
                self.same(Report.load(path))

    def same(self, report: Report) -> list[str]:
        """Return the other students whose reports name the same weights, or nearly, and remember this one."""
        self._weights.pop(report.student, None)
        if not report.weights:
            return []
        found = sorted(other.student for other in self._weights.values() if shared(report, other))
        self._weights[report.student] = Report(
            student=report.student, assignment=report.assignment, notebook=report.notebook, weights=report.weights
        )
        return found


def groups(reports: Iterable[Report]) -> list[list[str]]:
    """Return the students who share weights of one of their models, a sorted list for each group."""
    reports = list(reports)
    group = {report.student: {report.student} for report in reports}
    for index, report in enumerate(reports):
        for other in reports[:index]:
            if other.student not in group[report.student] and shared(report, other):
                joined = group[report.student] | group[other.student]
                group |= dict.fromkeys(joined, joined)
    found = {min(members): sorted(members) for members in group.values() if len(members) > 1}
    return [found[first] for first in sorted(found)]


def shared(one: Report, other: Report) -> bool:
    """Return whether two students' reports name the same weights, or nearly."""
    return one.student != other.student and any(
        near(mine, theirs) for mine in one.weights.values() for theirs in other.weights.values()
    )
