"""What is made from a source notebook beside nbgrader's release: what is attached to it, and the solutions.

Attached are `lab` and the solved modules of earlier assignments that the notebook imports, so that an early mistake costs once.
Called by `door.attach`, and by `python -m autograder reference`, which writes. Not here: clearing solutions, which is nbgrader's, and reference.yaml.
"""

import ast
import base64
import io
import json
import os
import re
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

import lab
from autograder.course import ROOT, Course
from autograder.placeholders import filled

MARKERS = ("### BEGIN SOLUTION", "### END SOLUTION")
HEADER = '"""Reference solution, made from {source} by `python -m autograder reference`: edit the source."""'
STUDY = "_study"  # ends the id of an illustration that trains or measures for long; it is not run while grading
ILLUSTRATION = ("_figure", "_number", "_table", STUDY)  # ends the id of a cell that only shows something
LARGEST = 2**20  # bytes of a solved notebook: a forge shows it, and nobody waits
FEWER_COLOURS = (32, 24, 16)  # of its figures, where it would be larger
CHOICES = "lab/course.json"  # beside the notebook
REQUIREMENTS = "requirements.txt"  # the same
GIVEN = '"""Given: the reference solution of the assignment {assignment}."""'


def lab_files(root: Path = ROOT) -> dict[str, bytes]:
    """Return the files of the package that students get: path beside the notebook to content."""
    return {f"lab/{path.name}": path.read_bytes() for path in sorted((root / "lab").glob("*.py"))}


def requirements(root: Path = ROOT) -> bytes:
    """Return what students have to install for the notebook and `lab`: lab/requirements.txt."""
    return (root / "lab" / REQUIREMENTS).read_bytes()


def attached(assignment: str, root: Path = ROOT) -> dict[str, bytes]:
    """Return what lies beside the notebook of an assignment: path to content.

    `lab`, and for every assignment that the notebook imports from, or that one of these does, its solved module.

    Args:
        root: the course's folder, with source/.
    """
    return lab_files() | {
        f"{earlier}.py": solution_module(notebook_of(earlier, root), GIVEN.format(assignment=earlier)).encode()
        for earlier in sorted(_earlier(assignment, root))
    }


def illustrations(assignment: str, root: Path = ROOT) -> set[str]:
    """Return the sources of the cells that only show something: no cell but another of them needs what they define.

    Args:
        root: the course's folder, with source/.
    """
    cells = nbformat.read(notebook_of(assignment, root), as_version=4).cells
    return {cell.source for cell in cells if cell.cell_type == "code" and cell.id.endswith(ILLUSTRATION)}


def studies(assignment: str, root: Path = ROOT) -> set[str]:
    """Return the sources of the illustrations that are not run while grading.

    Args:
        root: the course's folder, with source/.
    """
    cells = nbformat.read(notebook_of(assignment, root), as_version=4).cells
    return {cell.source for cell in cells if cell.cell_type == "code" and cell.id.endswith(STUDY)}


def given_cells(assignment: str, root: Path = ROOT) -> list[tuple[NotebookNode, bool]]:
    """Return the cells of an assignment in their order, each with whether it is code that the release gives and later cells need.

    Args:
        root: the course's folder, with source/.
    """
    cells = source(notebook_of(assignment, root)).cells
    return [
        (
            cell,
            cell.cell_type == "code"
            and not cell.id.endswith(ILLUSTRATION)
            and not cell.metadata.get("nbgrader", {}).get("solution")
            and not cell.metadata.get("nbgrader", {}).get("grade"),
        )
        for cell in cells
    ]


def choices(course: Course) -> bytes:
    """Return the file that tells the released `lab` which data set and budget the course has; see lab/environment.py."""
    return json.dumps({"dataset": course.dataset, "budget": course.budget}, indent=1).encode() + b"\n"


def choices_of(release: Path, course: Course) -> str:
    """Return what a release says of data set and budget where the course says something else; empty where they agree."""
    try:
        said = json.loads((release / CHOICES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = {}
    if said == json.loads(choices(course)):
        return ""
    return f" ({CHOICES} there says {said or 'nothing'}, the course {course.dataset} at {course.budget})"


def solution_module(path: Path, header: str = HEADER) -> str:
    """Return the solutions of a source notebook as an importable module.

    It holds the imports that the solutions use, and the solution cells in order without their markers.

    Args:
        path: source notebook, source/<assignment>/<notebook>.ipynb, with a cell "imports" of one-line imports.
        header: the module's first line.
    Raises:
        ValueError: when the notebook has no cell "imports".
    """
    notebook = nbformat.read(path, as_version=4)
    solutions = "\n\n\n".join(without_markers(cell.source) for cell in notebook.cells if is_solution(cell))
    used = {node.id for node in ast.walk(ast.parse(solutions)) if isinstance(node, ast.Name)}
    needed = "\n".join(kept for line in _imports(path).splitlines() if (kept := _using(line, used)) is not None)
    header = header.format(source=f"source/{path.parent.name}/{path.name}")
    return f"{header}\n\n{needed.strip()}\n\n\n{solutions}\n"


def is_solution(cell: NotebookNode) -> bool:
    """Return whether a student writes code in this cell."""
    return cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution", False)


def without_markers(source: str) -> str:
    """Return the source of a solution cell without nbgrader's markers."""
    return "\n".join(line for line in source.splitlines() if line.strip() not in MARKERS)


def executed(path: Path, course: Course, seed: int | None = None) -> tuple[NotebookNode, dict[str, dict]]:
    """Return the notebook with the outputs of a run from top to bottom, and the records that it left in results.yaml.

    It runs in a folder of its own that holds what is attached to the notebook and nothing else, as a student's does.

    Args:
        path: source notebook, source/<assignment>/<notebook>.ipynb.
        course: says data set, budget, device and the time a cell may take.
        seed: what the notebook's SEED is set to, as students may; the notebook's own where None.
    Raises:
        nbclient.exceptions.CellExecutionError: when a cell raises.
    """
    notebook = source(path)
    metadata = notebook.metadata.copy()
    if seed is not None:
        for cell in notebook.cells:
            cell.source = re.sub(r"^SEED = \d+", f"SEED = {seed}", cell.source, flags=re.MULTILINE)
    choices = {"dataset": course.dataset, "data": course.data, "budget": course.budget, "device": course.device}
    environment = os.environ | {f"COURSE_{name.upper()}": str(value) for name, value in choices.items()}
    with tempfile.TemporaryDirectory() as folder:
        for name, content in attached(path.parent.name, path.parents[2]).items():
            file = Path(folder, name)
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
        client = NotebookClient(
            notebook,
            timeout=course.cell_timeout_s,
            record_timing=False,
            coalesce_streams=True,  # else every update of the progress bar stays in the file
            resources={"metadata": {"path": folder}},
        )
        client.execute(env=environment)
        records = lab.results.load(Path(folder, "results.yaml"))
    notebook.metadata = metadata  # without the local Python's version
    return notebook, records


def write_module(assignment: str, root: Path = ROOT) -> Path:
    """Write solutions/<assignment>.py and return its path."""
    path = root / "solutions" / f"{assignment}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(solution_module(notebook_of(assignment, root)), encoding="utf-8")
    return path


def write_notebook(assignment: str, course: Course, root: Path = ROOT) -> Path:
    """Write the executed solutions/<assignment>.ipynb and return its path."""
    path = root / "solutions" / f"{assignment}.ipynb"
    path.parent.mkdir(exist_ok=True)
    notebook, _ = executed(notebook_of(assignment, root), course)
    nbformat.write(light(notebook), path)
    return path


def light(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook, its figures with as many colours as LARGEST leaves room for, which one sees in shades alone."""
    for colours in FEWER_COLOURS:
        if len(nbformat.writes(notebook).encode()) <= LARGEST:
            break
        for output in (one for cell in notebook.cells for one in cell.get("outputs", [])):
            if "image/png" in output.get("data", {}):
                file = io.BytesIO()
                picture = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).convert("RGB")
                picture.quantize(colours, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
                output.data["image/png"] = base64.b64encode(file.getvalue()).decode()
    return notebook


def source(path: Path) -> NotebookNode:
    """Return a source notebook with its solutions, and with numbers where its texts leave a place for points."""
    return filled(nbformat.read(path, as_version=4))


def notebook_of(assignment: str, root: Path = ROOT) -> Path:
    """Return the path of an assignment's source notebook."""
    return root / "source" / assignment / f"{assignment}.ipynb"


def _imports(path: Path) -> str:
    """Return the notebook's cell of imports."""
    found = next((cell.source for cell in nbformat.read(path, as_version=4).cells if cell.id == "imports"), None)
    if found is None:
        raise ValueError(f"{path.name}: expected a code cell with the id 'imports', found none; give the cell this id")
    return found


def _earlier(assignment: str, root: Path) -> set[str]:
    """Return the assignments whose modules the notebook imports from, and those that these import from."""
    tree = ast.parse(_imports(notebook_of(assignment, root)))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    direct = {name for name in modules - {assignment} if notebook_of(name, root).is_file()}
    return direct.union(*(_earlier(name, root) for name in direct))


def _using(line: str, used: set[str]) -> str | None:
    """Return a one-line import with those of its names that are used, None where none is; an empty line stays."""
    if not line:
        return line
    statement = ast.parse(line).body[0]
    names = [alias for alias in statement.names if (alias.asname or alias.name.split(".")[0]) in used]
    if len(names) == len(statement.names):
        return line
    statement.names = names
    return ast.unparse(statement) if names else None
