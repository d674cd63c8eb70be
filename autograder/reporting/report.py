"""What the grader found out about one submission: plain data, to and from JSON, and its text for student and instructor."""

import html
import shutil
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from autograder.reporting.points import Kind, earned
from autograder.text import printable, writable

EARLIER = ".earlier"  # suffix of the report that the last grading replaced


class Status(StrEnum):
    """How a hidden test ended."""

    PASSED = "passed"
    FAILED = "failed"  # the student
    ERROR = "error"  # us: the cell is not graded
    SKIPPED = "skipped"  # something it builds on failed
    UNGRADED = "not graded"  # the machine did not suffice, or nothing can be judged


class Plain(BaseModel):
    """Data without behaviour; unknown fields are refused."""

    # not a number is written as NaN: as null it could not be read again
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")


Text = Annotated[str, BeforeValidator(lambda given: writable(given) if isinstance(given, str) else given)]


class Outcome(Plain):
    """The end of one hidden test."""

    cell: str = Field(description="the exercise it belongs to")
    test: str
    status: Status
    credit: float = Field(ge=0, le=1, description="share of the test's weight that was earned")
    weight: float = Field(gt=0)
    kind: Kind = Field(default=Kind.VALUE, description="what the test asks, which bounds what its failure costs")
    part: str = Field(default="", description="the function it belongs to, where an exercise has two")
    sentence: str = Field(description="what the test asks, for the student")
    message: Text = Field(default="", description="what was asked, expected, what came, what to do, for the student")
    hint: Text = Field(default="", description="the known mistake the answer looks like, for the student")
    detail: Text = Field(default="", description="traceback of an error of ours, for the instructor only")
    seconds: float = 0.0


class Mark(Plain):
    """The score of one grade cell; score None means not graded, and `reason` says why."""

    points: float
    score: float | None
    reason: Text = ""


class Sketch(Plain):
    """A short projection of a model's weights, from which copies are known; see `trained.similar`."""

    layout: str = Field(description="digest of the tensors' names and shapes")
    values: list[float]


class Report(Plain):
    """All that is known about one notebook of one submission."""

    student: str
    assignment: str
    notebook: str
    marks: dict[str, Mark] = Field(default_factory=dict, description="by exercise")
    outcomes: list[Outcome] = Field(default_factory=list)
    notes: list[Text] = Field(default_factory=list, description="of the run, for student and instructor")
    remarks: list[Text] = Field(default_factory=list, description="on what was handed in, for student and instructor")
    flags: list[Text] = Field(default_factory=list, description="for the instructor to look at")
    error: Text = Field(default="", description="traceback of an error of ours, for the instructor only")
    measurements: dict[str, float] = Field(default_factory=dict, description="of the trained model, nats per image")
    weights: dict[Text, Sketch] = Field(default_factory=dict, description="of the submitted weights, by checkpoint")
    submission: str = Field(default="", description="digest of all files handed in")
    sandbox: str = ""
    seconds: float = 0.0
    processor_seconds: float = Field(default=0.0, description="of the grader and of the kernels, while they lived")

    @property
    def graded(self) -> bool:
        """Whether every automatic cell has a score."""
        return bool(self.marks) and all(mark.score is not None for mark in self.marks.values())

    @property
    def score(self) -> float:
        """Sum of the scores that exist."""
        return sum(mark.score or 0.0 for mark in self.marks.values())

    @property
    def points(self) -> float:
        """Sum of the points of the automatic cells."""
        return sum(mark.points for mark in self.marks.values())

    def of(self, cell: str) -> list[Outcome]:
        """Return the outcomes of one exercise."""
        return [outcome for outcome in self.outcomes if outcome.cell == cell]

    def line(self) -> str:
        """Return one line that says why the score is what it is."""
        if not self.graded:
            reasons = {mark.reason for mark in self.marks.values() if mark.score is None} or {"no grade cell was found"}
            return "not graded: " + "; ".join(sorted(reasons))
        lost = [cell for cell, mark in self.marks.items() if (mark.score or 0.0) < mark.points]
        if not lost:
            return "all automatic tests passed"
        if self.notes:
            return self.notes[0]
        first = next((o for o in self.outcomes if o.cell == lost[0] and o.credit < 1), None)
        why = (first.hint or first.message or first.sentence) if first else self.marks[lost[0]].reason
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        return f"{lost[0]}: {why.splitlines()[0] if why else 'no test passed'}{more}"

    def save(self, folder: Path) -> Path:
        """Write the report as JSON under folder/student/assignment and return its path; what it replaces is kept beside it."""
        path = folder / self.student / self.assignment / f"{self.notebook}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        if path.exists():
            shutil.copyfile(path, partial)
            partial.replace(path.with_suffix(EARLIER))
        partial.write_text(self.model_dump_json(indent=1), encoding="utf-8")
        partial.replace(path)
        return path

    @classmethod
    def load(cls, path: Path) -> "Report":
        """Return the report written at `path`."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))


def share(points: float, outcomes: list[Outcome]) -> Mark:
    """Return the mark of a cell, see `points`; not graded where a test of ours broke."""
    if not outcomes:
        return Mark(points=points, score=None, reason="no hidden test belongs to this cell")
    broken = [outcome.test for outcome in outcomes if outcome.status is Status.ERROR]
    if broken:
        return Mark(points=points, score=None, reason=f"an error of the grader in {', '.join(broken)}")
    unknown = [outcome.message.removesuffix(".") for outcome in outcomes if outcome.status is Status.UNGRADED]
    if unknown:
        return Mark(points=points, score=None, reason="; ".join(dict.fromkeys(unknown)))
    return Mark(points=points, score=round(points * earned(outcomes), 2))


def cell_text(report: Report, cell: str) -> str:
    """Return a cell's feedback as plain text."""
    mark = report.marks[cell]
    if mark.score is None:
        head = [f"Not graded: {mark.reason}. This is not a zero; your instructor will look at it."]
    else:
        head = [f"{mark.score:g} of {mark.points:g} points"]
    for first, *others in by_reason(report.of(cell)):
        head.append(f"[{word(first)}] {first.sentence}")
        if is_lost(first):
            head += [
                f"    {line}"
                for text in (first.message, first.hint and f"Hint: {first.hint}")
                if text
                for line in text.splitlines()
            ]
        if others:
            head.append(f"    {_more(others)}:")
            head += [f"[{word(outcome)}] {outcome.sentence}" for outcome in others]
    return printable("\n".join(head))


def cell_html(report: Report, cell: str) -> str:
    """Return a cell's feedback as an HTML fragment without styles or scripts, everything escaped."""
    mark = report.marks[cell]
    if mark.score is None:
        return f"<p><strong>Not graded.</strong> {_escape(mark.reason)}. This is not a zero; your instructor will look at it.</p>"
    rows = [f"<p><strong>{mark.score:g} of {mark.points:g} points</strong></p><ul>"]
    for first, *others in by_reason(report.of(cell)):
        row = f"<li><strong>{word(first)}</strong>: {_escape(first.sentence)}"
        if is_lost(first):
            row += f"<br>{_escape(first.message)}" if first.message else ""
            row += f"<br><em>Hint: {_escape(first.hint)}</em>" if first.hint else ""
        if others:
            items = (f"<li><strong>{word(o)}</strong>: {_escape(o.sentence)}</li>" for o in others)
            row += f"<br>{_more(others)}:<ul>{''.join(items)}</ul>"
        rows.append(row + "</li>")
    return "".join(rows) + "</ul>"


def summary(report: Report) -> str:
    """Return a markdown table of the exercises, their scores, and how many of their tests passed."""
    if report.graded:
        head = f"**{report.score:g} of {report.points:g} automatic points,** before what a person changes or adds."
    else:
        head = "**Not graded.** This is not a zero; your instructor will look at it."
    notes = "".join(f"- {_escape(note)}\n" for note in report.notes)
    rows = [f"## Result of the tests\n\n{head}\n\n{notes}\n| exercise | points | tests |", "| --- | --- | --- |"]
    for cell, mark in report.marks.items():
        outcomes = report.of(cell)
        passed = sum(outcome.status is Status.PASSED for outcome in outcomes)
        score = "not graded" if mark.score is None else f"{mark.score:g} of {mark.points:g}"
        rows.append(f"| `{cell}` | {score} | {passed} of {len(outcomes)} passed |")
    remarks = [f"- {_escape(remark)}" for remark in report.remarks]
    below = (
        "What each test asks, and what came of it, stands below each exercise. A wrong value costs at least half of an exercise's points, "
        "a wrong gradient at least a quarter; care alone at most a fifth."
    )
    return "\n".join([*rows, "", below, *remarks])


def is_lost(outcome: Outcome) -> bool:
    """Return whether a test cost something."""
    return outcome.status is not Status.PASSED or outcome.credit < 1


def by_reason(outcomes: list[Outcome]) -> list[list[Outcome]]:
    """Return the outcomes in their order, those that fail for one reason together: the same hint, or the same message."""
    groups: dict[object, list[Outcome]] = {}
    for i, outcome in enumerate(outcomes):
        reason = (outcome.hint or outcome.message) if is_lost(outcome) else ""
        groups.setdefault((outcome.status, reason) if reason else i, []).append(outcome)
    return list(groups.values())


def _more(others: list[Outcome]) -> str:
    return f"and {len(others)} more test{'s' if len(others) > 1 else ''} for the same reason"


def word(outcome: Outcome) -> str:
    """Return in a word how a test ended."""
    partly = outcome.status is Status.FAILED and outcome.credit > 0
    return f"partly, {outcome.credit:.0%}" if partly else outcome.status.value


def _escape(text: str) -> str:
    return html.escape(printable(text)).replace("\n", "<br>")
