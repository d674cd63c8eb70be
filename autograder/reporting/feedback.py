"""What a student is told about a submission: scores as the gradebook has them, reasons as the grader found them, every sentence once.

Plain data, from which the template in `templates/feedback` makes the page. Scores come from the gradebook alone, since a person may have changed
them after the report was written; of the report, the texts are used, never its numbers.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from autograder.reporting.points import Kind
from autograder.reporting.report import Outcome, Report, by_reason, is_lost, word
from autograder.text import in_words, one_line, printable

SHORT = 200  # characters of a message that fits into a row of the table
IN_ORDER = [Kind.VALUE, Kind.GRADIENT, Kind.CARE, Kind.REFUSAL]  # what is told first


class State(StrEnum):
    """How an exercise ended, in a word; in the order in which they are shown."""

    FAILED = "failed"
    PARTLY = "partly"
    UNGRADED = "not graded"
    PASSED = "passed"

    @property
    def sign(self) -> str:
        """Return a sign that says the same."""
        return {"failed": "✗", "partly": "◐", "not graded": "?", "passed": "✓"}[self]

    @property
    def key(self) -> str:
        """Return the word as a name of a style."""
        return self.replace(" ", "-")


@dataclass(frozen=True)
class Grade:
    """What the gradebook has on one cell.

    Attributes:
        cell: its name there, `test_elbo`.
        points, score: the maximum, and what was given; None: no score yet.
        written: whether a person grades it.
        changed: whether a person gave the score of a cell that the grader decides.
        comment: of a person or of nbgrader, below a written answer.
    """

    cell: str
    points: float
    score: float | None
    written: bool = False
    changed: bool = False
    comment: str = ""

    @property
    def exercise(self) -> str:
        """The name of the exercise."""
        return self.cell.removeprefix("test_").removeprefix("written_")

    @property
    def kind(self) -> str:
        """What stands behind the name of a written answer."""
        return "written answer, left empty" if self.empty else "written answer" if self.written else ""

    @property
    def empty(self) -> bool:
        """Whether nothing was written; the comment is nbgrader's own."""
        return self.written and self.score is not None and self.comment == "No response."

    @property
    def state(self) -> State:
        """How it ended."""
        if self.score is None:
            return State.UNGRADED
        if self.score >= self.points:
            return State.PASSED
        return State.PARTLY if self.score > 0 else State.FAILED


@dataclass(frozen=True)
class Submission:
    """What the gradebook has on one submission; times are in UTC, without a zone, and None where it has none.

    Attributes:
        student, name, course, assignment: who and what; `name` is empty where only the student's id is known.
        grades: of its cells, in the notebook's order.
        score, points: the sum of what was given, without what is taken off for lateness, and the maximum.
        penalty: what is taken off. late_s: seconds after the due time. zone: in which times are shown, by its name.
    """

    student: str
    name: str
    course: str
    assignment: str
    grades: Sequence[Grade]
    score: float
    points: float
    penalty: float = 0.0
    handed_in: datetime | None = None
    due: datetime | None = None
    late_s: float = 0.0
    zone: str = "UTC"


@dataclass(frozen=True)
class Reason:
    """Tests that fail for one reason.

    Attributes:
        word: how the first of them ended. asks: what it asks. lines: what was asked, expected and came. hint: what it looks like.
        others: what the others ask.
    """

    word: str
    asks: str
    lines: Sequence[str]
    hint: str
    others: Sequence[str]


@dataclass(frozen=True)
class Row:
    """One exercise: a row of the table, and what stands below it."""

    grade: Grade
    sentence: str = ""
    reasons: Sequence[Reason] = ()
    passed: Sequence[str] = ()

    @property
    def anchor(self) -> str:
        """The id of the place where its details stand."""
        return f"exercise-{self.grade.cell}"


@dataclass(frozen=True)
class Sheet:
    """A whole page: facts by name, the total in words, what holds for all, and a row for each exercise, in the notebook's order."""

    who: str
    assignment: str
    facts: Mapping[str, str]
    total: str
    waiting: str
    notes: Sequence[str] = ()
    remarks: Sequence[str] = ()
    rows: Sequence[Row] = field(default_factory=list)

    @property
    def table(self) -> list[Row]:
        """The rows, failed first."""
        order = list(State)
        return sorted(self.rows, key=lambda row: order.index(row.grade.state))


def sheet(submission: Submission, report: Report | None) -> Sheet:
    """Return what a student is told; without a report, the scores alone."""
    reasons = [mark.reason for mark in report.marks.values() if mark.score is None and mark.reason] if report else []
    shared = [reason for reason, count in Counter(reasons).items() if count > 1]
    notes = [f"Not graded: {_sentence(reason)}" for reason in shared] + (list(report.notes) if report else [])
    told: dict[str, str] = dict.fromkeys(map(printable, shared), "")
    total, waiting = _total(submission)
    return Sheet(
        who=_who(submission),
        assignment=one_line(submission.assignment),
        facts=_facts(submission),
        total=total,
        waiting=waiting,
        notes=[printable(note) for note in notes],
        remarks=[printable(remark) for remark in report.remarks] if report else [],
        rows=[_row(grade, report, told) for grade in submission.grades],
    )


def number(value: float) -> str:
    """Return points as they are written: without zeros at the end, with two digits at most."""
    return f"{round(value, 2):g}"


def _total(submission: Submission) -> tuple[str, str]:
    """Return the total in words, and what of it is still open."""
    without = [grade for grade in submission.grades if grade.score is None]
    if any(not grade.written for grade in without):
        return State.UNGRADED.value, "This is not a zero; your instructor will look at it."
    total = f"{number(max(0.0, submission.score - submission.penalty))} of {number(submission.points)} points"
    if without:
        return f"{total} so far", f"{number(sum(grade.points for grade in without))} points not graded yet"
    return total, ""


def _facts(submission: Submission) -> dict[str, str]:
    facts = {"Course": one_line(submission.course), "Assignment": one_line(submission.assignment)}
    facts["Handed in"] = _time(submission.handed_in, submission.zone) if submission.handed_in else "time not known"
    if submission.due:
        facts["Due"] = _time(submission.due, submission.zone)
    if submission.late_s > 0:
        lost = f"{number(submission.penalty)} points off" if submission.penalty else "no points off"
        facts["Late"] = f"{in_words(timedelta(seconds=submission.late_s))}, {lost}"
    elif submission.penalty:
        facts["Late"] = f"{number(submission.penalty)} points off"
    return facts


def _who(submission: Submission) -> str:
    student, name = one_line(submission.student), one_line(submission.name)
    return f"{name} ({student})" if name else student


def _time(when: datetime, zone: str) -> str:
    there = when.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    return f"{there.day} {there:%B %Y, %H:%M} {'UTC' if zone == 'UTC' else f'({zone})'}"


def _row(grade: Grade, report: Report | None, told: dict[str, str]) -> Row:
    """Return one exercise.

    Args:
        told: sentences that are told already, with the exercise that they stand at; what is told here is added.
    """
    if grade.written:
        return Row(grade, _of_person(grade))
    outcomes = report.of(grade.exercise) if report else []
    lost = [group for group in by_reason(outcomes) if is_lost(group[0])]
    sentence, spoken = "", ""
    if grade.state is State.UNGRADED:
        mark = report.marks.get(grade.exercise) if report else None
        spoken = printable(mark.reason) if mark else ""
        sentence = _sentence(spoken) if spoken not in told else ""
    elif grade.state is not State.PASSED and lost:
        spoken = _most_important([group[0] for group in lost])
        sentence = spoken if spoken not in told else f"The same as in {told[spoken]}."
    if spoken:
        told.setdefault(spoken, grade.exercise)
    if grade.changed:
        sentence = f"Your instructor gave this score. {sentence}".strip()
    passed = dict.fromkeys(printable(outcome.sentence) for outcome in outcomes if not is_lost(outcome))
    return Row(grade, sentence, [_reason(group, told, sentence) for group in lost], list(passed))


def _of_person(grade: Grade) -> str:
    if grade.score is None:
        return one_line(grade.comment)
    if grade.empty:
        return ""
    return "There is a comment below." if grade.comment else ""


def _most_important(outcomes: Sequence[Outcome]) -> str:
    """Return the one sentence about several tests that helps most: a mistake that was recognised, else what came, else what is asked."""
    first = min(outcomes, key=lambda outcome: (not outcome.hint, IN_ORDER.index(outcome.kind), -outcome.weight))
    short = first.message if len(first.message) <= SHORT else ""
    return printable(first.hint or short or first.sentence)


def _reason(group: Sequence[Outcome], told: Mapping[str, str], sentence: str) -> Reason:
    """Return what is left to be said of tests that fail for one reason."""
    first, *others = group
    message, hint, asks = map(printable, (first.message, first.hint, first.sentence))
    return Reason(
        word=word(first),
        asks="" if asks == sentence else asks,
        lines=[] if message in told else message.splitlines(),
        hint="" if hint in told else hint,
        others=list(dict.fromkeys(printable(other.sentence) for other in others)),
    )


def _sentence(text: str) -> str:
    text = printable(text).strip()
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
