"""Two gradings of one assignment, side by side: whose score changed, by how much, and in which tests."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from autograder.reporting.grades import read
from autograder.reporting.report import EARLIER, Outcome, Report, Status
from autograder.text import one_line, printable

Key = tuple[str, str]  # student, notebook


@dataclass(frozen=True)
class Change:
    """One notebook in both gradings.

    Attributes:
        before, after: its reports.
    """

    before: Report
    after: Report

    @property
    def points(self) -> float:
        """By how much the score is higher than before; 0 where one of them has none."""
        return round(self.after.score - self.before.score, 2) if self.before.graded and self.after.graded else 0.0

    @property
    def there(self) -> bool:
        """Whether anything of score or tests is different."""
        return _score(self.before) != _score(self.after) or bool(self.tests())

    @property
    def kind(self) -> str:
        """What changed, in words."""
        if self.before.graded != self.after.graded:
            return "graded now" if self.after.graded else "without a grade now"
        return "higher" if self.points > 0 else "lower" if self.points < 0 else "in tests alone"

    def tests(self) -> list[str]:
        """Return a line for each hidden test that ended otherwise than before."""
        before, after = ({outcome.test: outcome for outcome in report.outcomes} for report in (self.before, self.after))
        lines = []
        for test in dict.fromkeys([*before, *after]):
            was, now = _ended(before.get(test)), _ended(after.get(test))
            if was != now:
                cell = (after.get(test) or before[test]).cell
                lines.append(f"{cell}: {test}: {was} → {now}")
        return lines


def kept(folder: Path, assignment: str) -> tuple[dict[Key, Report], dict[Key, Report]]:
    """Return the reports that the last grading of each notebook replaced, and those that stand now, of these notebooks.

    Raises:
        ConfigError: no report was replaced, or one cannot be read.
    """
    before = _by_key(read(folder, assignment, suffix=EARLIER))
    after = {key: report for key, report in _by_key(read(folder, assignment)).items() if key in before}
    return before, after


def of_folders(before: Path, after: Path, assignment: str) -> tuple[dict[Key, Report], dict[Key, Report]]:
    """Return the reports of two folders.

    Raises:
        ConfigError: one of them has no report of the assignment, or one cannot be read.
    """
    return _by_key(read(before, assignment)), _by_key(read(after, assignment))


def table(before: dict[Key, Report], after: dict[Key, Report]) -> str:
    """Return a line for every notebook whose grading changed, its tests below it, and the counts."""
    both = [key for key in before if key in after]
    changes = [change for key in sorted(both) if (change := Change(before[key], after[key])).there]
    changes.sort(key=lambda change: -abs(change.points))
    lines = []
    for change in changes:
        sign = f"  ({change.points:+g})" if change.points else ""
        lines.append(f"{_who(change.after)}: {_score(change.before)} → {_score(change.after)}{sign}")
        lines += [f"    {printable(line)}" for line in change.tests()]
    counts = Counter(change.kind for change in changes)
    scores = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))
    lines.append(f"{len(both)} graded twice: {len(changes)} changed{f' ({scores})' * bool(changes)}.")
    for only, word in ((before.keys() - after.keys(), "before"), (after.keys() - before.keys(), "after")):
        if only:
            lines.append(f"Only {word}: {', '.join(sorted({one_line(student) for student, _ in only}))}.")
    return "\n".join(lines)


def _by_key(reports: list[Report]) -> dict[Key, Report]:
    return {(report.student, report.notebook): report for report in reports}


def _who(report: Report) -> str:
    name = "" if report.notebook == report.assignment else f" ({one_line(report.notebook)})"
    return one_line(report.student) + name


def _score(report: Report) -> str:
    return f"{report.score:g} / {report.points:g}" if report.graded else "not graded"


def _ended(outcome: Outcome | None) -> str:
    if outcome is None:
        return "not there"
    partly = outcome.status is Status.FAILED and outcome.credit > 0
    return f"failed, {outcome.credit:.0%} kept" if partly else outcome.status.value
