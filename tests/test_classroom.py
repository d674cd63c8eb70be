"""The page and the table of a class: what is counted, who is alike, and that nothing of a submission becomes more than text."""

import csv
import html.parser
import random
import shutil

import nbformat
import pytest

from autograder import __main__
from autograder.course import ROOT
from autograder.reporting import page
from autograder.reporting.alike import alike, fingerprints
from autograder.reporting.overview import overview
from autograder.reporting.report import Mark, Outcome, Report, Sketch

HINT = "The sum over pixels is missing."


def report(student, elbo, kl, hints=(), **more):
    """Return a report of two exercises of 4 and 2 points; a score of None has none."""
    outcomes = [
        Outcome(cell=cell, test=f"t{i}", status="failed", credit=0, weight=1, sentence="s", hint=hint)
        for i, (cell, hint) in enumerate(hints)
    ]
    marks = {
        "elbo": Mark(points=4, score=elbo, reason="" if elbo is not None else "too slow"),
        "kl": Mark(points=2, score=kl),
    }
    return Report(student=student, assignment="vae", notebook="vae", marks=marks, outcomes=outcomes, **more)


CLASS = [
    report("ada", 4, 2, measurements={"vae.bound": -90.5, "vae.elbo": -95.0}),
    report("bob", 1, 1, [("elbo", HINT), ("elbo", HINT), ("kl", "Look at the sign.")]),
    report("eve", 0, 2, [("elbo", HINT)], flags=["too good", "the same weights as zoe"]),
    report("zoe", None, 0, flags=["too good"]),
]


def test_what_a_class_got_wrong_is_counted():
    """A student counts once for each sentence and exercise; who has no grade is in no mean."""
    found = overview("vae", CLASS)
    assert [(m.exercise, m.sentence, m.students) for m in found.mistakes] == [
        ("elbo", HINT, ("bob", "eve")),
        ("kl", "Look at the sign.", ("bob",)),
    ]
    elbo, kl = found.exercises
    assert (elbo.name, elbo.points, dict(elbo.shares)) == ("elbo", 4, {"ada": 1.0, "bob": 0.25, "eve": 0.0})
    assert elbo.mean == pytest.approx(1.25 / 3)
    assert dict(found.waiting) == {"too slow": ["zoe"]}
    assert dict(found.flags) == {"too good": ["eve", "zoe"]}
    assert found.bounds == {"vae": {"ada": -90.5}}
    assert found.points == 6
    assert kl.points == 2


def test_discrimination_is_a_correlation_with_the_rest():
    """1 where who earns more elsewhere earns more here, -1 where less; none where nothing varies, or two are too few."""
    same = overview("vae", [report(f"s{i}", i, i / 2) for i in range(4)])
    other = overview("vae", [report(f"s{i}", i, 2 - i / 2) for i in range(4)])
    assert [exercise.discrimination for exercise in same.exercises] == pytest.approx([1.0, 1.0])
    assert [exercise.discrimination for exercise in other.exercises] == pytest.approx([-1.0, -1.0])
    assert overview("vae", [report(f"s{i}", 4, i / 2) for i in range(4)]).exercises[0].discrimination is None
    assert overview("vae", [report("a", 1, 1), report("b", 4, 2)]).exercises[0].discrimination is None


def test_shared_weights_are_a_group():
    """Students whose reports hold the same sketch stand together."""
    sketch = {"weights": {"a": Sketch(layout="x", values=[1.0, 2.0])}}
    found = overview("vae", [report("ada", 4, 2, **sketch), report("bob", 4, 2, **sketch), report("eve", 4, 2)])
    assert found.copies == [["ada", "bob"]]


def program(seed):
    """Return code that nobody else writes, over names that anybody could choose."""
    draw = random.Random(seed)
    lines = []
    for _ in range(30):
        a, b, c = draw.sample(["mu", "log_var", "eps", "z", "x", "weights", "total"], 3)
        operations = draw.choices(["+", "-", "*", "/", "@", "**"], k=2)
        method, number = draw.choice(["sum", "exp", "log", "mean", "view", "clamp"]), draw.randrange(9)
        lines.append(
            f"{a} = ({b} {operations[0]} {number}).{method}({draw.randrange(4)}) {operations[1]} {c}[{number}]"
        )
    return "\n".join(lines)


def renamed(code):
    """Return the same code with other names, comments and spaces."""
    for old, new in (("mu", "mean"), ("log_var", "lv"), ("eps", "noise"), ("total", "acc")):
        code = code.replace(old, new)
    return "# mine\n" + code.replace("\n", "  # so\n\n")


def test_copied_answers_are_found_under_other_names():
    """A pair is named once; who wrote alone, and what everybody was given, is not."""
    given = program(100)
    answers = {f"s{i}": [("code", f"{given}\n{program(i)}")] for i in range(12)}
    answers["s3"] = [("code", f"{given}\n{renamed(program(5))}")]
    (pair,) = alike(answers, [("code", given)])
    assert pair.students == ("s3", "s5")
    assert pair.share > 0.9


def test_what_most_of_the_class_writes_makes_nobody_alike():
    """There are few ways to write a short formula."""
    answers = {f"s{i}": [("code", f"{program(50)}\n{program(i)}")] for i in range(12)}
    assert alike(answers, []) == []


def test_every_text_has_fingerprints():
    """Prose, broken code and nothing at all; what is nested without end is tokens like any other."""
    words = " ".join(f"word{i}" for i in range(40))
    assert len(fingerprints("markdown", words)) > 3
    assert fingerprints("code", "def f(:\n" + words)
    assert fingerprints("code", "if x:\n  'never closed\n" + words)
    assert fingerprints("code", "-" * 50_000 + "1")
    assert fingerprints("code", "") == set()
    assert len(fingerprints("code", "a + b - c * d / e + f * g")) == 1


class Active(html.parser.HTMLParser):
    """Collects what a page would fetch or run."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [(tag, name) for name, _ in attrs if name.startswith("on") or name in ("src", "href", "data")]
        self.found += [(tag, "")] * (tag in ("script", "link", "iframe", "object", "embed", "base", "img"))


def test_page_runs_and_fetches_nothing_of_anybody():
    """What submissions say is text, whatever it looks like; drawings use only what is in the page itself."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    text = page.page(
        overview("vae", [report(evil, 1, 1, [("elbo", evil)], flags=[evil], measurements={"vae.bound": -90.0})]),
        [],
        {"vae": (-91.0, -89.0)},
        "today",
    )
    active = Active()
    active.feed(text)
    assert [found for found in active.found if found != ("use", "xlink:href")] == []
    assert text.count("&lt;script&gt;alert(1)") >= 3
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "https://" not in text


def test_page_says_what_was_counted():
    """Everything that is drawn stands in words, too."""
    text = page.page(overview("vae", CLASS), [], {}, "today")
    for said in (
        HINT,
        "<b>2 students</b> in <code>elbo</code>",
        "too slow",
        "zoe",
        "Histogram of the scores.",
        "elbo: 42%",
    ):
        assert said in text


def test_page_of_a_class_without_a_grade_is_made():
    """Nobody could be graded: the page says so and draws nothing."""
    text = page.page(overview("vae", [CLASS[3]]), [], {}, "today")
    assert "too slow" in text
    assert "<svg" not in text


def test_table_has_a_column_for_each_exercise():
    """Blank is what has no score, and no name becomes a formula of a spreadsheet."""
    rows = list(csv.reader(page.table(overview("vae", [*CLASS, report("=1+1", 4, 2)])).splitlines()))
    assert rows[0] == ["student", "score", "points", "elbo", "kl", "why"]
    assert [row[:5] for row in rows[1:]] == [
        ["'=1+1", "6", "6", "4", "2"],
        ["ada", "6", "6", "4", "2"],
        ["bob", "2", "6", "1", "1"],
        ["eve", "2", "6", "0", "2"],
        ["zoe", "", "6", "", "0"],
    ]


def test_report_of_a_course_is_written(tmp_path, monkeypatch, capsys):
    """The command reads reports and graded notebooks, one of which nobody can read, and writes both files."""
    for name in ("course_config.py", "nbgrader_config.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "release" / "vae", tmp_path / "release" / "vae", ignore=shutil.ignore_patterns("lab"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_DATASET", "glyphs")
    monkeypatch.setenv("COURSE_BUDGET", "quick")
    notebook = nbformat.read(ROOT / "release" / "vae" / "vae.ipynb", as_version=4)
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("solution"))
    for student, own in (("ada", program(1)), ("bob", program(2)), ("eve", renamed(program(1))), ("zoe", None)):
        report(student, 4, 2).save(tmp_path / "reports")
        path = tmp_path / "autograded" / student / "vae" / "vae.ipynb"
        path.parent.mkdir(parents=True)
        cell.source = own or ""
        path.write_text(nbformat.writes(notebook) if own else "{", encoding="utf-8")
    assert __main__.main(["report", "vae"]) == 0
    assert capsys.readouterr().out == "made reports/vae.html\nmade reports/vae.csv\n"
    text = (tmp_path / "reports" / "vae.html").read_text(encoding="utf-8")
    assert "<b>Answers alike:</b> ada, eve" in text
    assert "bob" not in text[text.index("To look at") :]
    assert len((tmp_path / "reports" / "vae.csv").read_text(encoding="utf-8").splitlines()) == 5
