"""What is made from the sources: the release is a remake and holds no solution; the solutions are current."""

import ast
import base64
import functools
import io
import json
import os
import re
import shutil
import subprocess
import symtable
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy
import pytest
from nbclient import NotebookClient
from nbgrader.api import Gradebook
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from autograder import publish
from autograder.course import load
from autograder.examine.plan import checks
from autograder.judging import known

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENTS = sorted(path.name for path in (ROOT / "source").iterdir() if path.is_dir())
CONFIG = f"""
c = get_config()
load_subconfig("nbgrader_config.py", path={str(ROOT)!r})
"""
TRIVIAL = 20  # characters; shorter lines, such as `else:`, prove nothing
COMMON = {"with torch.no_grad():"}  # what solutions and given code may share
QUICK = {"COURSE_DATASET": "glyphs", "COURSE_BUDGET": "quick", "COURSE_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}


@pytest.fixture(params=ASSIGNMENTS)
def assignment(request):
    """Return the name of an assignment."""
    return request.param


@pytest.fixture
def source(assignment):
    """Return the source notebook."""
    return nbformat.read(ROOT / "source" / assignment / f"{assignment}.ipynb", as_version=4)


@pytest.fixture
def release(assignment):
    """Return the committed release: path to content."""
    return files(ROOT / "release" / assignment)


@pytest.fixture
def released_text(assignment):
    """Return all that a student gets but the earlier solutions that are given, notebooks as the text of their cells."""
    return text_of(assignment)


@functools.cache
def text_of(assignment):
    """Return the text of `released_text`; it is read once, because many tests ask."""
    release = {
        name: content for name, content in files(ROOT / "release" / assignment).items() if name not in given(assignment)
    }
    notebooks = [nbformat.reads(content, as_version=4) for name, content in release.items() if name.endswith(".ipynb")]
    modules = [content.decode() for name, content in release.items() if name.endswith(".py")]
    return "\n".join([cell.source for notebook in notebooks for cell in notebook.cells] + modules)


def files(folder):
    """Return the files below a folder: path to content, byte code left out."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def given(assignment):
    """Return the modules of earlier assignments that come with a release."""
    return {name for name in publish.attached(assignment) if not name.startswith("lab/")}


def global_names(code):
    """Return the global names that code defines, and those that it uses, in functions too."""
    scopes = [symtable.symtable(code, "code", "exec")]
    defined = {s.get_name() for s in scopes[0].get_symbols() if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in scopes[0].get_symbols() if s.is_referenced()}
    for scope in scopes:
        scopes += scope.get_children()
        used |= {s.get_name() for s in scope.get_symbols() if s.is_global()}
    return defined, used


def is_graded_code(cell):
    """Return whether a cell holds visible tests."""
    return cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade", False)


def run(assignment, notebook, folder):
    """Execute every cell of a notebook beside what is attached, and return the ids of the graded cells that raise."""
    for name, content in publish.attached(assignment).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    client = NotebookClient(
        notebook, allow_errors=True, timeout=300, record_timing=False, resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=os.environ | QUICK)
    graded = [cell for cell in notebook.cells if is_graded_code(cell)]
    return {cell.id for cell in graded if any(output.output_type == "error" for output in cell.outputs)}


def generated(assignment, folder):
    """Return what `nbgrader generate_assignment` makes of the sources in a folder: path to content."""
    (folder / "nbgrader_config.py").write_text(CONFIG)
    command = [
        sys.executable,
        "-m",
        "nbgrader",
        "generate_assignment",
        assignment,
        "--create",
        f"--course-dir={folder}",
    ]
    command.append(f"--db=sqlite:///{folder / 'gradebook.db'}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls alembic by its name
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_")} | {"PATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return files(folder / "release" / assignment)


@pytest.mark.slow
def test_release_is_a_remake(assignment, release, tmp_path):
    """`nbgrader generate_assignment` makes the committed release, byte for byte."""
    shutil.copytree(ROOT / "source", tmp_path / "source")
    made = generated(assignment, tmp_path)
    assert list(made) == list(release)
    assert [name for name in made if made[name] != release[name]] == []


@pytest.mark.slow
def test_release_says_the_points_of_the_metadata(tmp_path):
    """An exercise whose points are changed in its cell has new numbers in heading, table and title; the others keep theirs."""
    source = nbformat.read(publish.notebook_of("priors"), as_version=4)
    changed = {"test_planar_flow": 1, "written_flow": 2.5}
    points = {
        cell.id: cell.metadata.nbgrader.points for cell in source.cells if "points" in cell.metadata.get("nbgrader", {})
    }
    assert points | changed != points
    for cell in source.cells:
        if cell.id in changed:
            cell.metadata.nbgrader.points = changed[cell.id]
    (tmp_path / "source" / "priors").mkdir(parents=True)
    nbformat.write(source, tmp_path / "source" / "priors" / "priors.ipynb")
    made = nbformat.reads(generated("priors", tmp_path)["priors.ipynb"], as_version=4)
    texts = {cell.id: cell.source for cell in made.cells}
    assert f"**{sum((points | changed).values()):g} points ·" in texts["opening"]
    assert "| 3 · `PlanarFlow` | 1 | 30 |" in texts["opening"]
    assert f"| 5 · `FlowPrior` | {points['test_flow_prior']} | 25 |" in texts["opening"]
    assert texts["planar_flow_text"].startswith("## Exercise 3 · The planar layer (1 point, 30 minutes)\n")
    assert texts["written_text"].startswith("## Written questions (4.5 points, ")
    assert texts["question_flow"].startswith("### Question 2 · The flow (2.5 points)\n")
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as gradebook:
        kept = gradebook.find_source_cell(
            "question_flow", "priors", "priors"
        )  # what a submission's locked cell becomes
        assert kept.source.startswith("### Question 2 · The flow (2.5 points)\n")
        assert gradebook.find_assignment("priors").max_score == sum((points | changed).values())


def test_release_lists_every_file(assignment, release):
    """The release is the notebook, the package `lab` with the course's choices, what to install, and the earlier solutions."""
    made = {f"{assignment}.ipynb", publish.CHOICES, publish.REQUIREMENTS}
    assert set(release) == made | {*publish.lab_files(), *given(assignment)}


def required(release):
    """Return the requirements of a release, comments left out."""
    lines = release[publish.REQUIREMENTS].decode().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_requirements_cover_every_import(release):
    """What the notebook and the package import comes with Python, lies beside the notebook, or is required."""
    notebook = nbformat.reads(next(release[name] for name in release if name.endswith(".ipynb")), as_version=4)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    sources += [content.decode() for name, content in release.items() if name.endswith(".py")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    beside = {name.removesuffix(".py").split("/")[0] for name in release}
    foreign = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - beside
    assert {"torch", "yaml", "PIL"} <= foreign
    distributions = packages_distributions()
    needed = {canonicalize_name(distribution) for name in foreign for distribution in distributions[name]}
    assert needed <= {canonicalize_name(requirement.name) for requirement in required(release)}


def test_requirements_are_ranges_that_hold_what_is_tested_here(release):
    """Each line is a requirement with both ends, which the version installed here satisfies; nothing of the grader's is there."""
    for requirement in required(release):
        assert {part.operator for part in requirement.specifier} == {">=", "<"}, requirement
        assert requirement.specifier.contains(version(requirement.name)), requirement
        assert requirement.marker is None, requirement
    names = {requirement.name for requirement in required(release)}
    assert {"ipykernel", "jupyterlab", "numpy"} <= names
    assert not names & {"distributed", "nbclient", "nbconvert", "nbgrader", "pydantic", "pyseccomp", "pytest"}


def test_release_carries_the_data_set_and_budget_of_the_course(release):
    """What the released `lab` reads is what course_config.py says."""
    course = load(ROOT)
    assert json.loads(release[publish.CHOICES]) == {"dataset": course.dataset, "budget": course.budget}


@pytest.mark.slow
def test_released_lab_trains_on_what_the_course_says(assignment, tmp_path):
    """Without any variable the package beside a student's notebook takes the course's data set and budget."""
    shutil.copytree(ROOT / "release" / assignment / "lab", tmp_path / "lab")
    (tmp_path / publish.CHOICES).write_bytes(publish.choices(SimpleNamespace(dataset="fashion", budget="quick")))
    program = "import lab; print(lab.__file__, lab.environment.dataset(), lab.environment.budget())"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[1:] == ["fashion", "quick"]
    assert done.stdout.startswith(str(tmp_path))


def set_up(release, folder):
    """Run the set-up cell of a release alone, where no package is installed, and return the process."""
    notebook = nbformat.reads(release["vae.ipynb"], as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell.id == "setup"]
    code = f"{cell.source}\nprint(find_spec('lab').origin)"
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("top", ["vae", "."])
def test_set_up_cell_unpacks_lab_where_it_is_missing(tmp_path, top):
    """With the release's archive beside a lone notebook, as in Colab, `lab` is found; the notebook itself is not touched."""
    release = files(ROOT / "release" / "vae")
    (tmp_path / "vae.ipynb").write_text("the student's")
    root = ROOT / "release" if top == "vae" else ROOT / "release" / "vae"
    shutil.make_archive(str(tmp_path / "vae"), "zip", root, top)
    done = set_up(release, tmp_path)
    assert done.stdout.strip() == str(tmp_path / "given" / top / "lab" / "__init__.py"), done.stderr
    assert (tmp_path / "vae.ipynb").read_text() == "the student's"


def test_set_up_cell_says_what_to_upload(tmp_path):
    """Without the archive it ends in one sentence that names it."""
    done = set_up(files(ROOT / "release" / "vae"), tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "FileNotFoundError: lab is not here: put vae.zip beside this notebook"
    )


def test_set_up_cell_does_nothing_beside_lab(tmp_path):
    """Where `lab` lies beside the notebook nothing is unpacked."""
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "__init__.py").touch()
    (tmp_path / "vae.zip").write_text("no archive")
    done = set_up(files(ROOT / "release" / "vae"), tmp_path)
    assert done.stdout.strip() == str(tmp_path / "lab" / "__init__.py"), done.stderr
    assert not (tmp_path / "given").exists()


def test_release_has_no_solution(source, released_text):
    """No marker and no line of a solution or of a model answer is in the release."""
    assert not re.search("BEGIN SOLUTION|END SOLUTION", released_text)
    lines = [line for cell in source.cells for line in solution_lines(cell)]
    assert len(lines) > 50
    assert [line for line in lines if line in released_text] == []


def solution_lines(cell):
    """Return the lines of a cell that a student must not see, short ones left out."""
    if not cell.metadata.get("nbgrader", {}).get("solution"):
        return []
    lines, inside = [], cell.cell_type == "markdown"
    for line in cell.source.splitlines():
        if line.strip() in publish.MARKERS:
            inside = line.strip() == publish.MARKERS[0]
        elif inside and len(line.strip()) >= TRIVIAL and line.strip() not in COMMON:
            lines.append(line.strip())
    return lines


def test_release_has_no_mark_scheme(source, released_text):
    """No mark scheme is in the release."""
    assert "MARK SCHEME" not in released_text
    scheme = re.compile("### BEGIN MARK SCHEME\n(.*?)\n### END MARK SCHEME", re.DOTALL)
    lines = [line for cell in source.cells for match in scheme.findall(cell.source) for line in match.splitlines()]
    assert lines
    assert [line for line in lines if line in released_text] == []


def test_release_has_no_hidden_test(assignment, released_text):
    """No hidden test's name, and nothing of the grader, is in the release."""
    suite = (ROOT / "autograder" / "suite" / assignment).glob("*.py")
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in suite]
    names = [node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert names
    visible = set(re.findall(r"\w+", released_text))
    assert visible & {name for name in names if name.startswith("test_")} == set()
    assert "autograder" not in released_text


def test_release_has_no_known_mistake(assignment, released_text):
    """Neither the code nor the sentence of a known mistake is in the release."""
    mistakes = known.of(assignment).values()
    assert mistakes
    assert [mistake.name for mistake in mistakes if f"def {mistake.name}(" in released_text] == []
    assert [mistake.say for mistake in mistakes if mistake.say and mistake.say in released_text] == []


def test_solution_module_is_current(assignment):
    """solutions/<assignment>.py is what the source gives."""
    made = publish.solution_module(ROOT / "source" / assignment / f"{assignment}.ipynb")
    assert (ROOT / "solutions" / f"{assignment}.py").read_text(encoding="utf-8") == made


def test_solution_module_only_defines(assignment):
    """The module holds its docstring, imports, definitions and attachments such as VAE.forward = negative_elbo."""
    tree = ast.parse((ROOT / "solutions" / f"{assignment}.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in tree.body[1:]:
        assert isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign)
        assert not isinstance(node, ast.Assign) or isinstance(node.value, ast.Name)


def test_given_module_is_the_earlier_solution(assignment, release):
    """What is given of an earlier assignment is its solution under a header that says so, and can be imported."""
    for name in given(assignment):
        earlier = name.removesuffix(".py")
        header, _, code = release[name].decode().partition("\n")
        assert header == f'"""Given: the reference solution of the assignment {earlier}."""'
        assert code == (ROOT / "solutions" / name).read_text(encoding="utf-8").partition("\n")[2]


@pytest.fixture
def sources(tmp_path):
    """Return a function that writes source notebooks, {assignment: (imports, solution)}, and returns their course's folder."""

    def write(**assignments):
        for name, (imports, solution) in assignments.items():
            cells = [nbformat.v4.new_code_cell(source) for source in (imports, solution)]
            cells[0].id = "imports"
            cells[1].metadata["nbgrader"] = {"solution": True}
            path = tmp_path / "source" / name / f"{name}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return tmp_path

    return write


THREE = {
    "first": ("import math", "def one():\n    ### BEGIN SOLUTION\n    return math.pi\n    ### END SOLUTION"),
    "second": ("from first import one\n\nimport lab", "def two():\n    return 2 * one()"),
    "third": ("import math\n\nfrom second import two", "def three():\n    return two()"),
    "other": ("import first\nimport math", "def four():\n    return math.e"),
}


@pytest.mark.parametrize(
    ("assignment", "modules"),
    [("first", set()), ("second", {"first.py"}), ("third", {"first.py", "second.py"}), ("other", set())],
)
def test_modules_that_are_imported_from_are_attached(sources, assignment, modules):
    """`lab` and the solved modules that the notebook imports from, with those that these need, lie beside it."""
    found = publish.attached(assignment, sources(**THREE))
    assert set(found) == {*publish.lab_files(), *modules}


def test_no_cell_needs_an_illustration(assignment, source):
    """What a cell that only shows or checks something defines is used by other such cells alone."""
    shown = publish.illustrations(assignment)
    cells = [cell.source for cell in source.cells if cell.cell_type == "code"]
    assert shown
    assert shown < set(cells)
    shown = shown | {source.cells[index].source for index in checks(source)}
    others, needed = global_names("\n".join(cell for cell in cells if cell not in shown))
    assert not (needed - others) & global_names("\n".join(shown))[0]


def test_attached_module_is_solved(sources):
    """The attached module holds the solutions without markers, and the imports that it needs."""
    folder = sources(**THREE)
    assert publish.attached("second", folder)["first.py"].decode() == (
        '"""Given: the reference solution of the assignment first."""\n\nimport math\n\n\n'
        "def one():\n    return math.pi\n"
    )
    assert b"from first import one\n" in publish.attached("third", folder)["second.py"]


def test_solution_module_imports_what_it_uses(sources):
    """Of the names that a line imports those stay that a solution uses, as ruff asks of a module."""
    imports = "import math\nimport sys\n\nfrom earlier import VAE, elbo as bound, sample\n\nimport lab"
    folder = sources(later=(imports, "def f():\n    return bound(math.pi), sample"))
    made = publish.solution_module(folder / "source" / "later" / "later.ipynb")
    assert made.partition("\n\n")[2] == (
        "import math\n\nfrom earlier import elbo as bound, sample\n\n\ndef f():\n    return bound(math.pi), sample\n"
    )


def test_notebook_without_imports_is_named(sources):
    """A source notebook whose cell of imports has another id is the author's error, and said so."""
    folder = sources(**THREE)
    path = folder / "source" / "first" / "first.ipynb"
    path.write_text(path.read_text().replace('"imports"', '"packages"'))
    for ask in (publish.solution_module, lambda path: publish.attached("second", folder)):
        with pytest.raises(ValueError, match="first.ipynb: expected a code cell with the id 'imports', found none"):
            ask(path)


def test_solved_notebook_is_current(assignment):
    """solutions/<assignment>.ipynb is the source, points written into its texts, with the outputs of a run without an error."""
    source = publish.source(publish.notebook_of(assignment))
    path = ROOT / "solutions" / f"{assignment}.ipynb"
    assert path.stat().st_size <= publish.LARGEST
    solved = nbformat.read(path, as_version=4)
    assert [(cell.id, cell.source) for cell in solved.cells] == [(cell.id, cell.source) for cell in source.cells]
    outputs = [output for cell in solved.cells if cell.cell_type == "code" for output in cell.outputs]
    assert outputs
    assert {output.output_type for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert {output.name for output in outputs if output.output_type == "stream"} == {"stdout"}


@pytest.mark.slow
def test_every_visible_test_fails_on_the_release(assignment, release, tmp_path):
    """An untouched release passes no graded cell."""
    notebook = nbformat.reads(release[f"{assignment}.ipynb"], as_version=4)
    graded = {cell.id for cell in notebook.cells if is_graded_code(cell)}
    assert run(assignment, notebook, tmp_path) == graded


@pytest.mark.slow
def test_every_visible_test_passes_on_the_source(assignment, source, tmp_path):
    """The reference passes every visible test; what only shows something is left out, and was run for the solved notebook."""
    shown = publish.illustrations(assignment)
    source.cells = [cell for cell in source.cells if cell.source not in shown]
    assert run(assignment, source, tmp_path) == set()


@pytest.mark.parametrize(("shades", "colours"), [(2, 2), (256, 16)])
def test_figures_of_a_large_notebook_lose_colours(shades, colours, monkeypatch):
    """A notebook that is small enough stays; else its figures have fewer colours, look alike, and are smaller."""
    file = io.BytesIO()
    grey = numpy.random.default_rng(0).integers(0, shades, (200, 200)) * (255 // (shades - 1))
    Image.fromarray(grey.astype(numpy.uint8)).convert("RGB").save(file, "PNG")
    given = base64.b64encode(file.getvalue()).decode()
    output = nbformat.v4.new_output("display_data", {"image/png": given})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])])
    monkeypatch.setattr(publish, "LARGEST", 30_000)
    made = publish.light(notebook).cells[0].outputs[0].data["image/png"]
    assert (made == given) is (shades == 2)  # the other one is larger
    shown = numpy.asarray(Image.open(io.BytesIO(base64.b64decode(made))).convert("L")).astype(int)
    assert len(numpy.unique(shown)) <= colours
    assert numpy.abs(shown - grey).mean() < 12
    assert len(made) <= len(given)
