"""Reports: scores, round trip, and texts that neither a terminal nor a browser takes for more than text."""

import html.parser
import math

import pytest
from pydantic import ValidationError

from autograder.reporting.report import Mark, Outcome, Report, Status, cell_html, cell_text, share
from autograder.text import printable


def outcome(status="passed", credit=None, weight=1.0, cell="elbo", **texts):
    """Return an outcome of a test of `cell`."""
    credit = float(status == "passed") if credit is None else credit
    known = {"test": "test_a", "sentence": "It is a number."} | texts
    return Outcome(cell=cell, status=status, credit=credit, weight=weight, **known)


def report(*outcomes, points=4.0, **more):
    """Return a report of one exercise."""
    return Report(
        **{
            "student": "ada",
            "assignment": "vae",
            "notebook": "vae",
            "marks": {"elbo": share(points, list(outcomes))},
            "outcomes": outcomes,
        }
        | more
    )


# --- scores ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "score"),
    [
        ([outcome()], 4),
        ([outcome("failed")], 0),
        ([outcome(weight=3), outcome("failed", kind="care")], 3.2),
        ([outcome(weight=3), outcome("failed")], 2),
        ([outcome("failed", 0.5), outcome()], 3),
        ([outcome("skipped"), outcome()], 2),
        ([outcome(weight=2), outcome(weight=5), outcome("failed", kind="gradient", weight=3)], 2.8),
        ([outcome("failed", weight=4), outcome(weight=2)], 1.33),
    ],
    ids=["all", "none", "care", "value", "partial", "skipped", "gradient", "rounded"],
)
def test_share_is_by_weight_and_credit(outcomes, score):
    """A cell's points are shared among its tests by weight, each earns its credit, and its kind bounds what its failure costs."""
    assert share(4.0, outcomes) == Mark(points=4, score=score)


def test_share_is_not_graded_where_a_test_of_ours_broke():
    """One broken test leaves the whole cell not graded, and says which."""
    mark = share(4.0, [outcome(), outcome("error", test="test_b")])
    assert (mark.score, mark.reason) == (None, "an error of the grader in test_b")


def test_share_is_not_graded_without_tests():
    """A cell that no hidden test belongs to is not a zero."""
    assert share(4.0, []).score is None


def test_score_counts_what_is_graded():
    """Points are those of all cells, the score that of the graded ones."""
    marks = {"elbo": Mark(points=4, score=3), "sample": Mark(points=1, score=None, reason="broken")}
    found = Report(student="a", assignment="vae", notebook="vae", marks=marks)
    assert (found.graded, found.score, found.points) == (False, 3, 5)
    assert not Report(student="a", assignment="vae", notebook="vae").graded


@pytest.mark.parametrize(
    "field", [{"credit": 1.1}, {"credit": -0.1}, {"credit": math.nan}, {"weight": 0}, {"bonus": 9}], ids=str
)
def test_outcome_refuses_impossible_values(field):
    """Credit is a share, weight positive, and other fields do not exist."""
    values = {"cell": "elbo", "test": "t", "status": "passed", "credit": 1, "weight": 1, "sentence": ""}
    with pytest.raises(ValidationError):
        Outcome(**values | field)


# --- lines -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "more", "line"),
    [
        ([outcome()], {}, "all automatic tests passed"),
        ([outcome("failed", message="expected 4\ngot 3", hint="sum")], {}, "elbo: sum"),
        ([outcome("failed", message="expected 4\ngot 3")], {}, "elbo: expected 4"),
        ([outcome("skipped")], {}, "elbo: It is a number."),
        ([outcome("failed", sentence="")], {}, "elbo: no test passed"),
        ([outcome("failed", message="why")], {"notes": ["Cell 3 ended the kernel."]}, "Cell 3 ended the kernel."),
        ([outcome("error")], {}, "not graded: an error of the grader in test_a"),
    ],
    ids=["all", "hint", "message", "sentence", "nothing", "note", "broken"],
)
def test_line_says_why(outcomes, more, line):
    """One line gives the first reason for lost points, or for a missing score."""
    assert report(*outcomes, **more).line() == line


def test_line_counts_further_exercises():
    """The first exercise that lost points is named, the others are counted."""
    outcomes = [outcome("failed", cell=cell, message=f"{cell} is wrong") for cell in ("elbo", "encoder", "sample")]
    marks = {o.cell: share(1.0, [o]) for o in outcomes}
    assert report(*outcomes, marks=marks).line() == "elbo: elbo is wrong (and 2 more)"


def test_line_without_marks_says_so():
    """A notebook without grade cells is not graded, rather than perfect."""
    assert report(marks={}).line() == "not graded: no grade cell was found"


# --- reasons told once ---


def test_a_reason_is_told_once():
    """Tests that fail for one reason stand together: the reason once, and how many more there are."""
    told = {"message": "expected 4, got 3.", "hint": "A factor is missing."}
    found = report(
        outcome("failed", sentence="It is four.", **told),
        outcome(sentence="It is a number."),
        outcome("failed", sentence="It is even.", message="expected 6, got 5.", hint=told["hint"]),
        outcome("failed", sentence="It is quiet.", message="expected silence, got noise."),
        outcome("failed", sentence="It is four again.", **told),
    )
    for text in (cell_text(found, "elbo"), cell_html(found, "elbo")):
        assert text.count("A factor is missing.") == 1
        assert "and 2 more tests for the same reason" in text
        assert all(sentence in text for sentence in ("It is even.", "It is four again.", "It is quiet."))
        assert text.index("It is four again.") < text.index("It is a number.")


# --- files -----------------------------------------------------------------------------------------


def test_report_comes_back_from_its_file(tmp_path):
    """What is saved is what is loaded, whatever the texts and numbers."""
    texts = {"message": "σ² < 0 \x1b[31m\x00\n<script>", "hint": "\u202e", "detail": "x" * 9}
    one = report(
        outcome("failed", 0.3, **texts),
        measurements={"bound": -math.inf, "elbo": -1e300, "active_units": 3.0},
        flags=["the same weights as bob"],
    )
    path = one.save(tmp_path)
    assert path == tmp_path / "ada" / "vae" / "vae.json"
    assert Report.load(path) == one
    assert [file.name for file in path.parent.iterdir()] == ["vae.json"]


def test_report_with_an_undefined_number_can_be_read_again(tmp_path):
    """A measurement that is not a number does not make a report unreadable."""
    loaded = Report.load(report(outcome(), measurements={"bound": math.nan}).save(tmp_path))
    assert math.isnan(loaded.measurements["bound"])


def test_report_replaces_lone_surrogates(tmp_path):
    """Texts that no file can hold are made writable, wherever they stand."""
    bad = "a\ud800b"
    one = report(outcome("failed", message=bad, hint=bad, detail=bad), notes=[bad], flags=[bad], error=bad)
    loaded = Report.load(one.save(tmp_path))
    assert {loaded.outcomes[0].message, loaded.outcomes[0].hint, loaded.notes[0], loaded.error} == {"a?b"}
    assert Mark(points=1, score=None, reason=bad).reason == "a?b"


def test_report_refuses_fields_of_others(tmp_path):
    """A file with unknown fields is no report."""
    path = report(outcome()).save(tmp_path)
    path.write_text(path.read_text().replace('"notes"', '"bonus"'))
    with pytest.raises(ValidationError):
        Report.load(path)


def test_reports_status_is_a_word():
    """Statuses stand in files as words."""
    assert '"status":"failed"' in report(outcome("failed")).model_dump_json()
    assert outcome("failed").status is Status.FAILED


# --- texts -----------------------------------------------------------------------------------------

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "attribute": "\" onmouseover='alert(1)'",
    "entity": "&lt;b&gt;&#60;script&#62;",
    "ansi": "\x1b[2J\x1b]0;title\x07\x9b31m",
    "controls": "a\x00b\x08c\x7fd\re\x85f",
    "bidi": "\u202aa\u202eb\u2066c\u2069d\u200fe\u061cf",
    "lines": "a\u2028b\u2029c\x0bd\x0ce",
    "invisible": "a\u200bb\ufeffc\U000e0041d",
    "surrogate": "a\udc80b",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_printable_only_shows(text):
    """What is printed holds no control, bidirectional or invisible character, and is as long as it was."""
    shown = printable(text)
    assert len(shown) == len(text)
    assert all(c.isprintable() for c in shown)
    assert shown.encode()


def test_printable_keeps_language():
    """Letters of any language, mathematics, line ends and tabs stay."""
    text = "log σ² ≤ ∑ μ – «été» 中文 עברית 🙂\n\tnext"
    assert printable(text) == text


class Tags(html.parser.HTMLParser):
    """Collects the tags, attributes and text of a fragment."""

    def __init__(self, fragment):
        super().__init__()
        self.tags, self.attributes, self.text = set(), [], ""
        self.feed(fragment)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("place", ["message", "hint", "sentence", "reason"])
def test_html_is_escaped_everywhere(text, place):
    """No text of a submission becomes a tag, an attribute or a control character in feedback."""
    if place == "reason":
        found = Report(
            student="a", assignment="v", notebook="v", marks={"elbo": Mark(points=1, score=None, reason=text)}
        )
    else:
        found = report(outcome("failed", **{place: text}))
    fragment = cell_html(found, "elbo")
    seen = Tags(fragment)
    assert seen.tags <= {"p", "strong", "ul", "li", "br", "em"}
    assert seen.attributes == []
    assert all(c.isprintable() for c in fragment)
    assert printable(text).replace("?", "�") in seen.text.replace("?", "�")  # a surrogate is replaced by either


def test_cell_texts_show_what_the_student_needs():
    """Text and HTML give points, outcomes, messages and hints, and nothing of the instructor's."""
    found = report(
        outcome(),
        outcome("failed", 0.4, message="line one\nline two", hint="sum over D", detail="TRACEBACK hidden"),
    )
    plain, fragment = cell_text(found, "elbo"), cell_html(found, "elbo")
    assert plain.splitlines() == [
        "2.8 of 4 points",
        "[passed] It is a number.",
        "[partly, 40%] It is a number.",
        "    line one",
        "    line two",
        "    Hint: sum over D",
    ]
    assert "line one<br>line two" in fragment
    assert "<em>Hint: sum over D</em>" in fragment
    assert "TRACEBACK" not in plain + fragment


def test_cell_texts_of_a_cell_that_is_not_graded():
    """A cell that is not graded says that this is no zero, and shows no outcomes."""
    found = report(outcome("error", detail="TRACEBACK"))
    for text in (cell_text(found, "elbo"), cell_html(found, "elbo")):
        assert "Not graded" in text
        assert "This is not a zero" in text
        assert "TRACEBACK" not in text
