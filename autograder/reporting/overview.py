"""What a class got right and wrong, counted over the reports of one assignment: plain data, from which `page` makes a page."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autograder.reporting import shared
from autograder.reporting.report import Report, Status
from autograder.text import one_line, printable

FEWEST = 3  # submissions from which on a correlation is told


@dataclass(frozen=True)
class Exercise:
    """One exercise over the class.

    Attributes:
        name, points: of the exercise.
        shares: by student, what was earned of the points; only of those who are graded.
        discrimination: correlation of this share with the rest of the score; None where one of them does not vary.
    """

    name: str
    points: float
    shares: Mapping[str, float]
    discrimination: float | None

    @property
    def mean(self) -> float:
        """The mean share, 1 where everybody got everything."""
        return statistics.fmean(self.shares.values()) if self.shares else 0.0


@dataclass(frozen=True)
class Common:
    """One mistake that was recognised.

    Attributes:
        exercise, sentence: what was told, and where.
        students: who was told it.
    """

    exercise: str
    sentence: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class Overview:
    """An assignment's reports, counted.

    Attributes:
        assignment: its name. reports: of all submissions, by student.
        exercises: in the notebook's order.
        mistakes: the commonest first.
        waiting: students without a grade by reason. flags: students by what is to be looked at.
        copies: groups of students who share a model's weights.
        bounds: by model and student, the measured bound, nats per image.
    """

    assignment: str
    reports: tuple[Report, ...]
    exercises: tuple[Exercise, ...]
    mistakes: tuple[Common, ...]
    waiting: Mapping[str, list[str]]
    flags: Mapping[str, list[str]]
    copies: list[list[str]]
    bounds: Mapping[str, Mapping[str, float]]

    @property
    def graded(self) -> list[Report]:
        """The reports with a score."""
        return [report for report in self.reports if report.graded]

    @property
    def points(self) -> float:
        """What can be earned automatically."""
        return max((report.points for report in self.reports), default=0.0)


def overview(assignment: str, reports: Iterable[Report]) -> Overview:
    """Return the counts of an assignment's reports, of one notebook each."""
    reports = tuple(sorted(reports, key=lambda report: report.student))
    graded = [report for report in reports if report.graded]
    cells = list(dict.fromkeys(cell for report in reports for cell in report.marks))
    waiting, flags, bounds = defaultdict(list), defaultdict(list), defaultdict(dict)
    for report in reports:
        student = one_line(report.student)
        if not report.graded:
            waiting[printable(report.line().removeprefix("not graded: "))].append(student)
        for flag in report.flags:
            if not flag.startswith(shared.SAME):  # told once for all who share them
                flags[printable(flag)].append(student)
        for key, value in report.measurements.items():
            model, _, quantity = key.rpartition(".")
            if quantity == "bound":
                bounds[model][student] = value
    return Overview(
        assignment,
        reports,
        tuple(_exercise(cell, graded) for cell in cells),
        _mistakes(reports),
        dict(waiting),
        dict(flags),
        shared.groups(reports),
        dict(bounds),
    )


def _exercise(cell: str, graded: list[Report]) -> Exercise:
    """Return one exercise's counts."""
    have = [report for report in graded if cell in report.marks]
    points = max((report.marks[cell].points for report in have), default=0.0)
    shares = {one_line(report.student): (report.marks[cell].score or 0.0) / (points or 1.0) for report in have}
    rest = [report.score - (report.marks[cell].score or 0.0) for report in have]
    values = list(shares.values())
    varies = len(have) >= FEWEST and len(set(values)) > 1 and len(set(rest)) > 1
    return Exercise(cell, points, shares, statistics.correlation(values, rest) if varies else None)


def _mistakes(reports: Iterable[Report]) -> tuple[Common, ...]:
    """Return the hints that were told, with whom."""
    told = defaultdict(set)
    for report in reports:
        for outcome in report.outcomes:
            if outcome.status is Status.FAILED and outcome.hint:
                told[outcome.cell, printable(outcome.hint)].add(one_line(report.student))
    found = [Common(cell, sentence, tuple(sorted(students))) for (cell, sentence), students in told.items()]
    return tuple(sorted(found, key=lambda common: (-len(common.students), common.exercise, common.sentence)))
