"""The visible checks by name: what students read about the standard mistakes, in a notebook and in a terminal."""

import os
import runpy
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import IPython
import nbformat
import pytest
import torch
from nbclient import NotebookClient

import lab
from autograder import publish
from lab import cells, defining
from tests.conftest import CHOICES, ROOT

IMPORTS = "import math\nimport time\n\nimport torch\n\nimport lab"
HALF = 'def half(x):\n    """Return x / 2."""\n    return x / 2'
QUARTER = "def quarter(x):\n    return half(half(x))"
TEST_HALF = """assert "half" in globals(), "half is not defined:\\nrun the cell above, and mend its error."

answer = half(torch.ones(2))
assert answer.shape == (2,), "half of two ones:\\nexpected shape (2,),\\ngot another.\\nWork element by element."
assert answer[0] == 0.5, f"half of 1:\\nexpected 0.5,\\ngot {answer[0]}.\\nDivide by two."
"""
TEST_QUARTER = (
    'assert "quarter" in globals(), "quarter is not defined."\nassert quarter(4) == 1, "quarter of 4: expected 1"'
)
TRAIN = "torch.manual_seed(half(0))\ntime.sleep(1000)\nlosses = [half(loss) for loss in (4, 2)]"
TEST_TRAINED = (
    'assert "losses" in globals(), "losses is not defined: run the training cell."\nassert losses[0] == 2, "expected 2"'
)
KINDS = {"half": (False, True), "quarter": (False, True), "train": (False, False)}

RIGHT = ("half: passed",)
MISTAKES = {
    "right": (HALF, RIGHT),
    "not-written": (
        HALF.replace("return", "raise NotImplementedError; return"),
        ("half: failed", "half is not written yet."),
    ),
    "renamed": (
        HALF.replace("half", "halve"),
        ("half: failed", "half is not defined:", "There is halve: give it back the name half."),
    ),
    "raises": (
        HALF.replace("x / 2", "x / torch.ones(3)"),
        (
            "half: failed",
            "RuntimeError: The size of tensor a (2)",
            "in half, line 3 of your cell: return x / torch.ones(3)",
        ),
    ),
    "syntax": (
        HALF.replace("return x", "return (x"),
        ("half: failed", "SyntaxError: '(' was never closed", "in line 3 of your cell: return (x / 2"),
    ),
    "wrong-value": (
        HALF.replace("x / 2", "x * 2"),
        ("half: failed", "half of 1:", "expected 0.5,", "got 2.0.", "Divide by two."),
    ),
    "returns-nothing": (
        HALF.replace("    return", "    y ="),
        ("half: failed", "'NoneType'", "where the check says: assert answer.shape == (2,)", "Does half return"),
    ),
    "misspelt": (
        "def half(mu_x):\n    return mux / 2",
        (
            "half: failed",
            "NameError: name 'mux' is not defined",
            "line 2 of your cell: return mux / 2",
            "Did you mean mu_x?",
        ),
    ),
    "own-assertion": (
        HALF.replace("return", "assert len(x) == 1, 'one only'; return"),
        ("half: failed", "AssertionError: one only", "in half, line 3 of your cell: assert len(x) == 1"),
    ),
    "ends-python": (
        HALF.replace("return", "raise SystemExit(3); return"),
        ("SystemExit: 3", "in half, line 3 of your cell"),
    ),
}


def notebook(half=HALF, quarter=QUARTER):
    """Return a notebook of two exercises and a trained model, in nbgrader's form."""
    sources = {
        "imports": IMPORTS,
        "half": half,
        "test_half": TEST_HALF,
        "quarter": quarter,
        "test_quarter": TEST_QUARTER,
    }
    made = []
    for name, source in (sources | {"train": TRAIN, "test_trained": TEST_TRAINED}).items():
        cell = nbformat.v4.new_code_cell(source, id=name)
        if name != "imports":
            grade, solution = KINDS.get(name, (True, False))
            cell.metadata.nbgrader = {"grade_id": name, "grade": grade, "solution": solution, "locked": not solution}
        made.append(cell)
    return nbformat.v4.new_notebook(cells=made)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder, with the notebook in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.delenv("COURSE_TRAINING", raising=False)
    nbformat.write(notebook(), tmp_path / "toy.ipynb")
    return tmp_path


@pytest.fixture
def opened(monkeypatch):
    """Return a function that runs cells as a notebook's kernel does, and returns their variables."""

    def run(*sources):
        space = {"__name__": "__main__", "In": [""]}
        monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(user_ns=space))
        for number, source in enumerate(sources):
            space["In"].append(source)
            filename = f"<cell {number}>"
            defining.linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
            try:
                exec(compile(source, filename, "exec"), space)
            except SyntaxError:
                continue
        return space

    return run


def terminal(*arguments):
    """Run `python -m lab.check` and return its status."""
    return runpy.run_module("lab.check")["main"](list(arguments))


def attach(folder, files):
    """Put what comes with a release into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def has_in_order(text, parts):
    """Return whether all parts stand in a text, one after the other."""
    places = [text.find(part) for part in parts]
    return -1 not in places and places == sorted(places)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_explained_in_a_notebook(mistake, opened, capsys):
    """A block of a few lines says what is wrong, and in which line of the student's own; no traceback."""
    code, parts = MISTAKES[mistake]
    opened(IMPORTS, code)
    lab.check("half")
    said = capsys.readouterr().out
    assert has_in_order(said, parts), said
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 6


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_explained_in_a_terminal(mistake, folder, capsys):
    """The same is said of the file, without its training cell, and the status says whether all passed."""
    code, parts = MISTAKES[mistake]
    nbformat.write(notebook(code), folder / "toy.ipynb")
    status = terminal("toy", "half")
    said = capsys.readouterr().out
    assert has_in_order(said, parts), said
    assert "Traceback" not in said
    assert status == (parts != RIGHT)


def test_all_checks_are_run_and_counted(opened, capsys):
    """Without a name every check is run, and a last line counts; the trained model is said to be missing."""
    opened(IMPORTS, HALF, QUARTER)
    lab.check()
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == ["half: passed", "quarter: passed", "trained: failed"]
    assert said[-1] == "2 of 3 passed. Grading asks for more than these checks."


def test_training_is_not_run_in_a_terminal(capsys):
    """The cell that trains is left out, and the check of the model says where it can be run; that is no failure."""
    assert terminal() == 0
    said = capsys.readouterr().out
    assert has_in_order(
        said, ("quarter: passed", "trained: not run", "“torch.manual_seed(half(0))”", "lab.check('trained')")
    )


@pytest.mark.parametrize("broken", ["def half(x)\n    return x / 2", "import nothing_of_this_name\n\n\n" + HALF])
def test_exercise_that_calls_a_broken_one_says_so(folder, capsys, broken):
    """The error is in another exercise's cell: it is named where it hurts."""
    nbformat.write(notebook(broken), folder / "toy.ipynb")
    terminal("toy", "quarter")
    said = capsys.readouterr().out
    assert has_in_order(
        said, ("quarter: failed", "NameError", "The cell of half", "does not run", "in line 1 of your cell")
    ), said


def test_exercise_that_calls_an_unwritten_one_says_so(opened, capsys):
    """Not this exercise is unwritten, but one that it calls."""
    opened(IMPORTS, "def half(x):\n    raise NotImplementedError", QUARTER)
    lab.check("quarter")
    assert "half is not written yet. This check calls it: write it first." in capsys.readouterr().out


@pytest.mark.parametrize("name", ["half", "test_half", "Half", "Toy.half"])
def test_exercise_is_known_by_its_names(name, opened, capsys):
    """The name of the exercise, of its cell, or with its class means the same."""
    opened(IMPORTS, HALF)
    lab.check(name)
    assert capsys.readouterr().out == "half: passed\n"


def test_unknown_exercise_is_answered_with_the_nearest(opened, capsys):
    """A wrong name gets a suggestion and the list, in both places."""
    opened()
    lab.check("hlaf")
    said = "There is no check of hlaf. Did you mean half?\nThere are: half, quarter, trained.\n"
    assert capsys.readouterr().out == said
    assert terminal("toy", "hlaf") == 2
    assert capsys.readouterr().out == said


def test_unknown_notebook_is_answered_with_the_nearest(folder, capsys):
    """So is a wrong notebook; of two the student has to say which."""
    assert terminal("tyo") == 2
    assert "There is no notebook tyo. Did you mean toy?\nThere are: toy." in capsys.readouterr().out
    (folder / "other.ipynb").write_text("{}")
    assert terminal() == 2
    assert "Which notebook?" in capsys.readouterr().out
    assert terminal("other") == 2
    assert "other.ipynb has no checks, or is no notebook." in capsys.readouterr().out


def test_folder_without_a_notebook_is_told(folder, opened, capsys):
    """Where nothing lies beside the package, both say so; in a submission that is graded a left-over call does no harm."""
    (folder / "toy.ipynb").unlink()
    opened(IMPORTS, HALF)
    lab.check("half")
    assert "No notebook with checks lies beside the folder lab" in capsys.readouterr().out
    assert terminal() == 2


def test_outside_of_a_notebook_the_function_says_what_to_run(monkeypatch, capsys):
    """In a plain program there is no notebook to look at."""
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    lab.check("half")
    assert "python -m lab.check" in capsys.readouterr().out


@pytest.mark.parametrize("ids", ["kept", "lost"])
def test_checks_are_known_without_metadata(ids, folder, opened, capsys):
    """Where an editor dropped nbgrader's metadata, and ids too, a check is known by the name that it asks for first."""
    bare = notebook()
    for number, cell in enumerate(bare.cells):
        cell.metadata = {}
        if ids == "lost":
            cell.id = f"cell-{number}"
    nbformat.write(bare, folder / "toy.ipynb")
    opened(IMPORTS, HALF)
    lab.check("half")
    assert terminal("toy", "half", "quarter") == 0
    assert capsys.readouterr().out.startswith("half: passed\nhalf: passed\nquarter: passed\n")


def test_open_notebook_comes_before_others(folder, opened, capsys, monkeypatch):
    """Of several notebooks the one that is open counts, else the original before its copies; broken files are passed over."""
    stale = notebook()
    stale.cells[2].source = TEST_HALF.replace("0.5", "7")
    nbformat.write(stale, folder / "toy-Copy1.ipynb")
    (folder / "a.ipynb").write_text("{")
    opened(IMPORTS, HALF)
    lab.check("half")
    assert capsys.readouterr().out == "half: passed\n"
    monkeypatch.setenv("JPY_SESSION_NAME", "course/toy-Copy1.ipynb")
    lab.check("half")
    assert "expected 7" in capsys.readouterr().out


def test_check_leaves_no_trace(folder, opened):
    """The check's variables, torch's generator and the environment are afterwards as before; meanwhile nothing is trained."""
    book = notebook()
    book.cells[
        2
    ].source += '\nimport os\nassert os.environ["COURSE_TRAINING"] == "weights"\ntorch.rand(3)\nhalf.checked = True'
    nbformat.write(book, folder / "toy.ipynb")
    space = opened(IMPORTS, HALF)
    names, generator = set(space), torch.get_rng_state()
    lab.check("half")
    assert space["half"].checked
    assert set(space) - {"__builtins__"} == names - {"__builtins__"}
    assert torch.equal(torch.get_rng_state(), generator)
    assert "COURSE_TRAINING" not in os.environ


def test_only_what_defines_is_run():
    """Of a given cell: imports, definitions, constants. Of a student's cell all but calls alone. Magic is passed over."""
    found = defining.Definitions({"lab": lab})
    given = """
        # What is given.
        %matplotlib inline
        import math
        import torch
        print(undefined)
        SIZE, ROOT = 3, math.sqrt(2)
        white = torch.ones(SIZE).double()
        limit = float("inf")
        images = lab.load("train")
        seen = images[:10]
        made = unknown(3)
        for count in range(3):
            total = count
        class Net:
            size = SIZE
    """
    found.add(textwrap.dedent(given), "given", answer=False)
    assert not found.failed
    assert {"math", "SIZE", "ROOT", "white", "limit", "Net"} <= found.space.keys()
    assert set(found.skipped) == {"images", "seen", "made", "count", "total"}
    assert {"“import math”"} == {place.removeprefix("The cell ") for place in found.skipped.values()}
    found.add("for count in range(3):\n    total = count\nraise_it()", "answer", answer=True)
    assert found.space["total"] == 2
    assert not found.failed


@pytest.mark.slow
def test_real_kernel_names_the_students_line(folder):
    """In Jupyter's own kernel, too: its names of files, its list of inputs, its variables."""
    book = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(source)
            for mistake in ("raises", "syntax", "renamed")
            for source in (IMPORTS, "globals().pop('half', None)", MISTAKES[mistake][0], 'lab.check("half")')
        ]
    )
    attach(folder, publish.lab_files())
    NotebookClient(book, allow_errors=True, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    said = ["".join(output.get("text", "") for output in cell.outputs) for cell in book.cells[3::4]]
    for mistake, text in zip(("raises", "syntax", "renamed"), said, strict=True):
        assert has_in_order(text, MISTAKES[mistake][1]), text


@pytest.mark.slow
@pytest.mark.parametrize("assignment", sorted(path.name for path in (ROOT / "source").iterdir()))
def test_reference_passes_in_a_terminal_and_the_release_does_not(assignment, folder):
    """What defines suffices for every check but that of trained models; of an untouched release none passes, and none raises."""
    (folder / "toy.ipynb").unlink()
    attach(folder, publish.attached(assignment))
    exercises = [cell.exercise for cell in cells.read(publish.notebook_of(assignment)) if cell.exercise]
    for kind, passed in (("source", "passed"), ("release", "failed")):
        (folder / f"{assignment}.ipynb").write_bytes((ROOT / kind / assignment / f"{assignment}.ipynb").read_bytes())
        command = [sys.executable, "-m", "lab.check", assignment]
        done = subprocess.run(
            command, cwd=folder, env=os.environ | CHOICES, capture_output=True, text=True, timeout=300
        )
        assert done.stderr == ""
        states = dict(line.split(": ") for line in done.stdout.splitlines() if line.split(": ")[0] in exercises)
        assert list(states) == exercises
        assert {name for name, state in states.items() if state == "not run"} == {
            name for name in exercises if name.startswith("trained_")
        }
        assert set(states.values()) <= {passed, "not run"}
        assert "Traceback" not in done.stdout
