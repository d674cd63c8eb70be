"""The page that a student gets: what it says, in which order, that it says it once, and that nothing in it runs or is fetched."""

import os
import re
import shutil
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.nbgraderformat import SCHEMA_VERSION
from traitlets.config import Config

from autograder import __main__
from autograder.course import ROOT
from autograder.door import handout
from autograder.door.configure import configure
from autograder.door.feedback import coded
from autograder.reporting.feedback import Grade, State, Submission, sheet
from autograder.reporting.mathematics import MAX_TEX, mathml
from autograder.reporting.report import Mark, Outcome, Report
from autograder.reporting.schemes import Schemes
from tests.conftest import CHOICES
from tests.test_display import PIXEL, TRACKER, Places, run

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # of nbgrader's own add_submission
EVIL = f'<script>{run("page")}</script><img src=x onerror="{run("page")}">'


def outcome(cell, status="passed", **texts):
    """Return an outcome of a hidden test."""
    known = {"test": "t", "sentence": f"{cell} is right."} | texts
    return Outcome(cell=cell, status=status, credit=float(status == "passed"), weight=1, **known)


def report(*outcomes, **more):
    """Return a report of these outcomes."""
    return Report(**{"student": "ada", "assignment": "vae", "notebook": "vae", "outcomes": outcomes} | more)


def submission(*grades, **more):
    """Return what the gradebook has on a submission with these grades."""
    score = sum(grade.score or 0 for grade in grades)
    known = {"student": "ada", "name": "", "course": "c", "assignment": "vae", "score": score}
    return Submission(**known | {"points": sum(grade.points for grade in grades), "grades": grades} | more)


# --- what is said ----------------------------------------------------------------------------------


def test_failed_exercises_come_first():
    """The table has the failed, the partly right, those without a grade, and the right ones, each in the notebook's order."""
    grades = [Grade("test_a", 2, 2), Grade("test_b", 2, None), Grade("test_c", 2, 0), Grade("test_d", 2, 1)]
    made = sheet(submission(*grades, Grade("test_e", 2, 0)), None)
    assert [row.grade.exercise for row in made.table] == ["c", "e", "d", "b", "a"]
    assert [row.grade.exercise for row in made.rows] == ["a", "b", "c", "d", "e"]
    assert len({state.sign for state in State}) == len(State)


@pytest.mark.parametrize(
    ("grades", "more", "total", "waiting"),
    [
        ([Grade("test_a", 4, 3), Grade("written_a", 2, 1.5, written=True)], {}, "4.5 of 6 points", ""),
        ([Grade("test_a", 4, 0), Grade("written_a", 2, 0, written=True)], {}, "0 of 6 points", ""),
        (
            [Grade("test_a", 4, 3), Grade("written_a", 2, None, written=True)],
            {},
            "3 of 6 points so far",
            "2 points not graded yet",
        ),
        (
            [Grade("test_a", 4, None), Grade("test_b", 2, 2)],
            {},
            "not graded",
            "This is not a zero; your instructor will look at it.",
        ),
        ([Grade("test_a", 4, 3)], {"penalty": 1.0}, "2 of 4 points", ""),
        ([Grade("test_a", 4, 3)], {"penalty": 5.0}, "0 of 4 points", ""),
        ([Grade("test_a", 40, 31.880000000000003)], {}, "31.88 of 40 points", ""),
    ],
    ids=["all", "zero", "so far", "not graded", "late", "very late", "digits"],
)
def test_total_is_one(grades, more, total, waiting):
    """The total is the gradebook's, less the penalty; zero, not graded, and not graded yet are told apart."""
    made = sheet(submission(*grades, **more), None)
    assert (made.total, made.waiting) == (total, waiting)


@pytest.mark.parametrize(
    ("more", "facts"),
    [
        ({}, {"Handed in": "time not known"}),
        (
            {"handed_in": datetime(2026, 1, 12, 10), "due": datetime(2026, 1, 10, 23, 59), "late_s": 122460},
            {
                "Handed in": "12 January 2026, 10:00 UTC",
                "Due": "10 January 2026, 23:59 UTC",
                "Late": "1 day 10 hours, no points off",
            },
        ),
        (
            {"handed_in": datetime(2026, 1, 12, 10), "late_s": 60.0, "penalty": 1.5},
            {"Handed in": "12 January 2026, 10:00 UTC", "Late": "1 minute, 1.5 points off"},
        ),
    ],
    ids=["nothing known", "late", "penalty"],
)
def test_times_are_the_gradebooks(more, facts):
    """When it was handed in and due, and what being late costs, is said where it is known."""
    made = sheet(submission(Grade("test_a", 4, 3), **more), None)
    assert made.facts == {"Course": "c", "Assignment": "vae"} | facts


def test_a_changed_score_is_the_only_one():
    """Where a person changed the grader's score, the row has that score and says so; the reasons stay."""
    found = report(outcome("a", "failed", hint="A hint."), marks={"a": Mark(points=2, score=0.67)})
    (row,) = sheet(submission(Grade("test_a", 2, 1.5, changed=True)), found).rows
    assert row.grade.state is State.PARTLY
    assert row.sentence == "Your instructor gave this score. A hint."
    (right,) = sheet(submission(Grade("test_a", 2, 2, changed=True)), found).rows
    assert (right.grade.state, right.sentence) == (State.PASSED, "Your instructor gave this score.")
    assert right.reasons[0].hint == "A hint."


def test_the_recognised_mistake_is_the_sentence():
    """A hint wins over a message, a message over what is asked, and a value over care."""
    tests = [
        outcome("a", "failed", kind="care", message="It prints."),
        outcome("a", "failed", message="Too long. " * 50, sentence="It is a sum."),
        outcome("a", "failed", kind="gradient", hint="The mean was taken."),
    ]
    rows = [sheet(submission(Grade("test_a", 2, 0)), report(*some)).rows[0] for some in (tests, tests[:2], tests[:1])]
    assert [row.sentence for row in rows] == ["The mean was taken.", "It is a sum.", "It prints."]


def everything_said(made):
    """Return all sentences of a sheet."""
    said = [*made.notes, *made.remarks]
    for row in made.rows:
        said += [row.sentence, *row.passed]
        for reason in row.reasons:
            said += [reason.asks, *reason.lines, reason.hint, *reason.others]
    return [sentence for sentence in said if sentence]


def test_every_sentence_is_said_once():
    """Neither the tests of an exercise nor two exercises repeat a reason; a page that is not graded says why once."""
    same = {"message": "f is not written yet."}
    tests = [outcome(cell, "failed", sentence=f"{cell}{i}.", **same) for cell in "ab" for i in range(3)]
    tests += [outcome("c", "failed", sentence=f"c{i}.", hint="A hint.", message="It came out wrong.") for i in range(2)]
    said = everything_said(sheet(submission(*(Grade(f"test_{cell}", 2, 0) for cell in "abc")), report(*tests)))
    assert len(said) == len(set(said))
    assert {"f is not written yet.", "The same as in a.", "A hint.", "It came out wrong.", "a0.", "b2."} <= set(said)

    marks = {cell: Mark(points=2, score=None, reason="vae.ipynb is not valid JSON") for cell in "ab"}
    broken = sheet(submission(Grade("test_a", 2, None), Grade("test_b", 2, None)), report(marks=marks))
    assert everything_said(broken) == ["Not graded: vae.ipynb is not valid JSON."]


def test_a_reason_of_one_exercise_stands_in_its_row():
    """A trained model that could not be judged says why, and the other exercises are as they are."""
    marks = {"a": Mark(points=2, score=2), "model": Mark(points=5, score=None, reason="it is of another data set")}
    made = sheet(submission(Grade("test_a", 2, 2), Grade("test_model", 5, None)), report(outcome("a"), marks=marks))
    assert [row.sentence for row in made.rows] == ["", "it is of another data set."]
    assert made.notes == []


def test_an_empty_answer_is_called_so():
    """An answer that was left empty is no answer that a person failed."""
    empty = Grade("written_a", 1, 0.0, written=True, comment="No response.")
    judged = Grade("written_b", 1, 0.0, written=True, comment="Not quite.")
    assert [grade.kind for grade in (empty, judged)] == ["written answer, left empty", "written answer"]


# --- mathematics -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tex", "part"),
    [
        (r"\mathbb{E}_q", "<mi>𝔼</mi>"),
        (r"\mathcal N(\mu)", "<mi>𝒩</mi>"),
        (r"\tfrac12", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
        ("a < b", "<mo>&lt;</mo>"),
        (r"\begin{aligned} a &= b \\ &= c \end{aligned}", "</mtr><mtr>"),
    ],
)
def test_tex_becomes_mathml(tex, part):
    """What the notebooks use is set with letters and signs that browsers know."""
    assert part in mathml(tex)


def test_all_mathematics_of_the_notebooks_is_set():
    """No formula of a released notebook is left as TeX."""
    from autograder.reporting import display

    texts = [
        cell.source
        for path in sorted((ROOT / "release").glob("*/*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown" and "$" in cell.source
    ]
    made = [display.markdown_to_html({}, source) for source in texts]
    assert len(made) > 50
    assert not [text for text in made if "$" in text or "<math" not in text]


@pytest.mark.parametrize(
    "tex",
    [r"\unknown{x}", "{" * 500, "x_{" * 500, "a" * (MAX_TEX + 1), ""],
    ids=["unknown", "deep", "deeper", "long", "empty"],
)
def test_tex_that_cannot_be_set_is_left(tex):
    """A command that is not known, nesting, and length end in no formula, and in no error."""
    assert mathml(tex) is None


@pytest.mark.parametrize(
    "written",
    [
        f"$\\text{{{EVIL}}}$",
        f"$\\unknown {EVIL}$",
        f"$$\\href{{http://{TRACKER}/x}}{{y}}$$",
        f"<math href='http://{TRACKER}/x'><mi onclick='x' style='background: url(//{TRACKER})'>a</mi></math>",
        f"<math><annotation-xml encoding='text/html'>{EVIL}</annotation-xml></math>",
        f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;{EVIL}'></mtext></math>",
        f"<math><mi mathvariant='javascript:{run('x')}'>a</mi></math>",
    ],
)
def test_mathematics_of_a_student_is_cleaned(written):
    """Neither TeX nor MathML brings an address, a script or a style."""
    from autograder.reporting import display

    places = Places(display.markdown_to_html({}, written))
    assert not [act for act in places.acts if TRACKER in act or "javascript" in act]
    assert not {"script", "style", "annotation-xml", "mglyph", "a"} & {tag for tag, _ in places.tags}


# --- mark schemes ----------------------------------------------------------------------------------


def known(grade_id, grade, solution, locked, points=None):
    """Return a cell's metadata, as nbgrader writes it."""
    flags = {"grade": grade, "solution": solution, "locked": locked, "task": False}
    kept = {"grade_id": grade_id, "schema_version": SCHEMA_VERSION, **flags}
    return {"nbgrader": kept | ({"points": points} if grade else {})}


SCHEME = "Why?\n\n### BEGIN MARK SCHEME\n\nBecause.\n\n### END MARK SCHEME"


def test_mark_scheme_moves_to_its_answer():
    """It stands with the answer, and a student's own markers stay text."""
    cells = [
        new_markdown_cell(SCHEME, metadata=known("question_a", False, False, True)),
        new_markdown_cell(SCHEME.replace("Because", "Mine"), metadata=known("written_a", True, True, False, 1)),
        new_markdown_cell("none", metadata=known("written_b", True, True, False, 1)),
    ]
    Schemes().preprocess(notebook := new_notebook(cells=cells), {})
    assert notebook.cells[0].source == "Why?"
    assert "Mine." in notebook.cells[1].source
    assert [cell.metadata.nbgrader.mark_scheme for cell in notebook.cells[1:]] == ["Because.", ""]


# --- the page, by nbgrader's command ---------------------------------------------------------------


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A gradebook that knows an assignment of three exercises and a written answer."""
    path = tmp_path_factory.mktemp("feedback") / "gradebook.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # nbgrader calls alembic by name
        with Gradebook(f"sqlite:///{path}", "vae") as gradebook:
            gradebook.add_assignment("vae", duedate=datetime(2026, 1, 10))
            gradebook.add_notebook("vae", "vae")
            for name, points in (("test_elbo", 4), ("test_kl", 2), ("test_model", 2)):
                gradebook.add_grade_cell(name, "vae", "vae", max_score=points, cell_type="code")
            gradebook.add_grade_cell("written_why", "vae", "vae", max_score=3, cell_type="markdown")
            for name in ("elbo", "kl", "written_why"):
                gradebook.add_solution_cell(name, "vae", "vae")
    return path


CODE = "def elbo(x):\n    return x"
SCORES = {"test_elbo": 0.0, "test_kl": 2.0, "test_model": 1.0, "written_why": None}
FOUND = {
    "marks": {cell: Mark(points=1, score=0.5) for cell in ("elbo", "kl", "model")},
    "notes": ["A cell ended the kernel."],
}


@pytest.fixture
def course(tmp_path, monkeypatch, released):
    """The folder of a course with this gradebook, in which commands run."""
    for path in (ROOT / "course_config.py", ROOT / "nbgrader_config.py", released):
        shutil.copy(path, tmp_path / path.name)
    monkeypatch.chdir(tmp_path)
    for name, value in CHOICES.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def graded(student, scores, comment="", **of_student):
    """Put a graded submission into the course, as autograde leaves it."""
    with Gradebook("sqlite:///gradebook.db", "vae") as gradebook:
        gradebook.add_student(student, **of_student)
        gradebook.add_submission("vae", student, timestamp=datetime(2026, 1, 12))
        for name, score in scores.items():
            gradebook.find_grade(name, "vae", "vae", student).auto_score = score
        gradebook.find_comment("written_why", "vae", "vae", student).manual_comment = comment
        gradebook.db.commit()
    cells = [
        new_markdown_cell("## Result of the tests\n\n**0.5 of 1 automatic points**", id="result"),
        new_markdown_cell(f"# The bound\n\n{EVIL}"),
        new_code_cell(CODE, metadata=known("elbo", False, True, False)),
        new_code_cell("assert elbo", metadata=known("test_elbo", True, False, True, 4)),
        new_code_cell("x = 'in kl'", metadata=known("kl", False, True, False)),
        new_code_cell("assert kl", metadata=known("test_kl", True, False, True, 2)),
        new_code_cell("assert model", metadata=known("test_model", True, False, True, 2)),
        new_markdown_cell(SCHEME, metadata=known("question_why", False, False, True)),
        new_markdown_cell(
            f"Since $x_1$ ![plot](attachment:dot.png).\n\n{EVIL}",
            metadata=known("written_why", True, True, False, 3),
            attachments={"dot.png": {"image/png": PIXEL}},
        ),
        new_code_cell("print('rest')", outputs=[new_output("stream", text=f"rest\x1b[31m {EVIL}")]),
    ]
    path = Path("autograded", student, "vae", "vae.ipynb")
    path.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells), path)
    tests = [
        outcome("elbo", "failed", hint=f"You took the mean. {EVIL}"),
        outcome("kl"),
        outcome("model", "failed", message="It is worth 3 nats less."),
    ]
    report(*tests, **FOUND | {"student": student}).save(Path("reports"))


def page(student="ada"):
    """Make the pages as nbgrader does, and return a student's."""
    configure(config := Config(), Path.cwd())
    config.CourseDirectory.assignment_id = "vae"
    config.GenerateFeedback.force = True
    GenerateFeedback(coursedir=CourseDirectory(config=config), config=config).start()
    return Path("feedback", student, "vae", "vae.html").read_text()


def rows(text):
    """Return the rows of the table, each as the texts of its cells."""
    table = text[text.index("<tbody>") : text.index("</tbody>")]
    return [
        [
            " ".join(Places(cell.replace("<p>", " <p>")).text.split())
            for cell in re.findall(r"<td>(.*?)</td>", row, re.DOTALL)
        ]
        for row in table.split("<tr>")[1:]
    ]


def test_page_shows_the_gradebook(course):
    """At the top stands who, when and how late, then one total, then a row an exercise, failed first."""
    graded("ada", SCORES, first_name="Ada", last_name="Lovelace")
    text = page()
    seen = " ".join(Places(text).text.split())
    assert '<html lang="en">' in text
    assert text.index("<h1>") < text.index("<h2")
    for part in ("feedback for Ada Lovelace (ada)", "12 January 2026, 00:00 UTC", "2 days, no points off"):
        assert part in seen
    assert "3 of 11 points so far 3 points not graded yet" in seen
    assert seen.count("points so far") == 1
    elbo, model, why, kl = rows(text)
    assert elbo == [
        "✗ failed",
        f"elbo You took the mean. {EVIL.replace('`', '')}",
        "0 of 4",
    ]  # what it quotes is set as code
    assert model == ["◐ partly", "model It is worth 3 nats less.", "1 of 2"]
    assert why == ["? not graded", "why (written answer)", "– of 3"]
    assert kl == ["✓ passed", "kl", "2 of 2"]
    assert "0.5 of 1" not in seen
    assert "A cell ended the kernel." in seen
    assert "Because." not in seen


def test_page_follows_a_change_in_formgrader(course):
    """A score and a comment that a person gave stand there at the next run, and nothing else is told of the score."""
    graded("ada", SCORES)
    page()
    with Gradebook("sqlite:///gradebook.db", "vae") as gradebook:
        gradebook.find_grade("test_elbo", "vae", "vae", "ada").manual_score = 3.5
        gradebook.find_grade("written_why", "vae", "vae", "ada").manual_score = 2
        gradebook.find_comment("written_why", "vae", "vae", "ada").manual_comment = f"*Nearly* $y$. {EVIL}"
        gradebook.db.commit()
    text = page()
    assert "8.5 of 11 points" in Places(text).text
    found = {name.split()[0]: (state, score) for state, name, score in rows(text)}
    assert found["elbo"] == ("◐ partly", "3.5 of 4")
    assert found["why"] == ("◐ partly", "2 of 3")
    assert "<em>Nearly</em> <math" in text


def test_page_folds_what_was_right(course):
    """Right exercises are closed, others open; every link of the table leads to its exercise."""
    graded("ada", SCORES)
    text = page()
    found = re.findall(r'<details class="part [a-z-]+"( open="")?>\s*<summary>\s*<h3>(\w+)', text)
    assert {name: bool(opened) for opened, name in found} == {"elbo": True, "kl": False, "model": True, "why": True}
    links = re.findall(r'href="#([^"]+)"', text)
    assert len(links) == 4
    assert all(text.count(f'id="{link}"') == 1 for link in links)
    assert text.count("in kl") == 1


def test_nothing_of_a_submission_acts(course):
    """Text, outputs, hints, comments and names are shown: no script, no address, nothing that is fetched."""
    graded("ada", SCORES, comment=EVIL, first_name=EVIL, last_name="</title><b>")
    places = Places(page())
    assert not [act for act in places.acts if TRACKER in act]
    tags = [tag for tag, _ in places.tags]
    assert not {"script", "link", "iframe", "object", "form"} & set(tags)
    assert not [value for _, given in places.tags for key, value in given.items() if key.startswith("on")]
    addresses = [given[key] for _, given in places.tags for key in ("src", "href") if key in given]
    assert all(address.startswith(("#", "data:image/")) for address in addresses)
    assert "url(" not in "".join(places.acts)
    assert tags.count("h1") == 1
    assert tags.count("math") >= 1
    assert any(given.get("alt") == "plot" for _, given in places.tags)


def test_code_is_reached_by_keys(course):
    """Whatever may scroll takes the focus."""
    graded("ada", SCORES)
    given = Places(page()).tags
    assert [a for tag, a in given if a.get("class") == "input_area"]
    assert all(a.get("tabindex") == "0" for _, a in given if a.get("class") == "input_area")


def test_an_unreadable_notebook_shows_no_given_code(course):
    """Of what could not be read, no cell is shown as the student's, and no exercise is linked; it is no zero."""
    graded("ada", dict.fromkeys(SCORES))
    marks = {cell: Mark(points=1, score=None, reason="vae.ipynb is not valid JSON") for cell in ("elbo", "kl", "model")}
    report(marks=marks).save(Path("reports"))
    text = page()
    seen = " ".join(Places(text).text.split())
    assert "Result not graded This is not a zero" in seen
    assert seen.count("not valid JSON") == 1
    assert "def elbo" not in seen
    assert 'href="' not in text


def test_without_a_report_the_scores_are_there(course):
    """Scores need no report, and no page is kept back because one cannot be read."""
    graded("ada", SCORES)
    Path("reports/ada/vae/vae.json").write_text("{")
    assert [row[2] for row in rows(page())] == ["0 of 4", "1 of 2", "– of 3", "2 of 2"]


# --- one archive -----------------------------------------------------------------------------------


def packed(*options):
    """Pack the pages and return the names in the archive."""
    assert __main__.main(["feedback", "vae", "--zip", *options]) == 0
    with zipfile.ZipFile("vae-feedback.zip") as archive:
        assert archive.testzip() is None
        return sorted(archive.namelist())


@pytest.mark.slow
def test_archive_has_a_file_a_student(course, capsys):
    """One command makes the pages: everybody with a submission has one, who has none is named, and is no file."""
    graded("zoë", SCORES)
    graded("ada", SCORES)
    with Gradebook("sqlite:///gradebook.db", "vae") as gradebook:
        gradebook.add_student("gus")
    assert packed() == ["ada.html", "zoë.html"]
    assert "not handed in, so without a page: gus" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("platform", "given", "names"),
    [
        (
            "canvas",
            [
                "doejane_LATE_10482_775200_vae-1.ipynb",
                "doejane_10482_775201_vae_k1.safetensors",
                "leeann_12_9_vae.ipynb",
            ],
            ["ada.html", "doejane_LATE_10482_775200_vae.html", "leeann_12_9_vae.html"],
        ),
        (
            "moodle",
            ["Jane Doe_20311_assignsubmission_file_vae.ipynb", "Jane Doe_20311_assignsubmission_file/x.ipynb"],
            ["Jane Doe_20311_assignsubmission_file_vae.html", "ada.html", "leeann_12.html"],
        ),
    ],
    ids=["canvas", "moodle"],
)
def test_archive_is_named_as_the_platform_expects(course, capsys, monkeypatch, platform, given, names):
    """The names of downloaded files say whose a page is; who is not among them keeps a plain name and is told."""
    student = {"canvas": "doejane", "moodle": "Jane Doe"}[platform]
    for name in (student, "leeann_12", "ada"):
        graded(name, SCORES)
    monkeypatch.setattr(handout, "make", lambda *_: 0)
    page()
    folder = Path("downloaded/vae/archive")
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "submissions.zip", "w") as archive:
        for name in given:
            archive.writestr(name, "")
    assert packed("--for", platform) == names
    assert f"not named for {platform.capitalize()}" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--for", "canvas"], ["--output", "x.zip"]])
def test_options_of_an_archive_need_one(course, options, capsys):
    """They are refused where nothing is packed."""
    assert __main__.main(["feedback", "vae", *options]) == 2
    assert "Add --zip" in capsys.readouterr().err


def test_code_in_a_sentence_is_set_as_code():
    """Backquotes are signs of the kit's sentences; nothing that a student wrote becomes a tag."""
    assert coded("`elbo` returns <b>one</b> value") == "<code>elbo</code> returns &lt;b&gt;one&lt;/b&gt; value"
    assert coded("`<script>`x` & more") == "<code>&lt;script&gt;</code>x` &amp; more"


def test_page_calls_nobody_late_within_the_grace(course, monkeypatch):
    """What the course forgives is not told."""
    graded("ada", SCORES)
    assert "2 days, no points off" in Places(page()).text
    monkeypatch.setenv("COURSE_LATE_GRACE_MINUTES", str(3 * 24 * 60))
    assert "2 days, no points off" not in Places(page()).text
