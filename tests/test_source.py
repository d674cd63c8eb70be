"""The rules that every source notebook keeps."""

import ast
import re
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
from jupytext.combine import combine_inputs_with_outputs

from autograder.placeholders import filled

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(ROOT.glob("source/*/*.ipynb"))
FLAGS = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
POINTS = {
    "vae": {
        "test_reparameterize": 2,
        "test_gaussian_log_prob": 2,
        "test_kl_standard_normal": 3,
        "test_bernoulli_log_prob": 3,
        "test_bernoulli_sample": 1,
        "test_encoder": 2,
        "test_decoder": 2,
        "test_elbo": 4,
        "test_negative_elbo": 1,
        "test_sample": 1,
        "test_train_step": 2,
        "test_reconstruct": 1,
        "test_trained_vae": 5,
        "test_architecture": 3,
        "written_derivation": 2,
        "written_reparameterization": 1,
        "written_log_q": 1,
        "written_likelihood": 1,
        "written_elbo": 1,
        "written_optimizer": 1,
        "written_generations": 1,
    },
    "priors": {
        "test_mixture_log_prob": 3,
        "test_mixture_sample": 2,
        "test_planar_flow": 4,
        "test_planar_inverse": 4,
        "test_flow_prior": 4,
        "test_monte_carlo_elbo": 2,
        "test_trained_prior": 3,
        "written_mixture": 1,
        "written_flow": 1,
        "written_direction": 1,
    },
    "iwae": {
        "test_log_weights": 4,
        "test_iwae_bound": 4,
        "test_normalized_weights": 2,
        "test_iwae_loss": 5,
        "test_log_likelihood": 5,
        "test_active_units": 3,
        "test_gradient_snr": 3,
        "test_latent_traversal": 2,
        "test_trained_iwae": 4,
        "written_bound": 1,
        "written_snr": 1,
        "written_table": 1,
    },
    "gaps": {
        "test_ais": 6,
        "test_local_q": 4,
        "test_inference_gaps": 2,
        "test_flow_posterior": 4,
        "test_contextual_flow": 4,
        "test_refit_encoder": 2,
        "test_gradient_norms": 3,
        "test_flip_pixels": 2,
        "written_which": 1,
        "written_when": 1,
        "written_why": 1,
    },
}


@pytest.fixture(params=SOURCES, ids=lambda path: path.stem)
def path(request):
    """Return the path of a source notebook."""
    return request.param


@pytest.fixture
def notebook(path):
    """Return a source notebook."""
    return nbformat.read(path, as_version=4)


def flags(cell):
    """Return a cell's nbgrader flags, empty where it has none."""
    return cell.metadata.get("nbgrader", {})


def code(notebook):
    """Return the code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def solutions(notebook):
    """Return the code cells in which a student writes."""
    return [cell for cell in code(notebook) if flags(cell).get("solution")]


def graded(notebook):
    """Return the graded code cells."""
    return [cell for cell in code(notebook) if flags(cell).get("grade")]


def test_file_is_what_jupyter_writes(path, notebook):
    """Saving the notebook in Jupyter changes no byte."""
    nbformat.validate(notebook)
    assert nbformat.writes(notebook) + "\n" == path.read_text(encoding="utf-8")
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)


def test_notebook_is_stripped(notebook):
    """There are no outputs, no execution counts and no metadata but the kernelspec and nbgrader's."""
    assert notebook.metadata == {"kernelspec": KERNEL}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"nbgrader"}, cell.id
    for cell in code(notebook):
        assert (cell.outputs, cell.execution_count) == ([], None), cell.id


def test_cells_have_readable_unique_ids(notebook):
    """A cell's id is its grade_id, or else a slug."""
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    for cell in notebook.cells:
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,63}", cell.id), cell.id
        assert flags(cell).get("grade_id", cell.id) == cell.id


def test_flags_are_complete(notebook):
    """Every nbgrader cell has all flags of schema 3, and points exactly if it is graded."""
    for cell in notebook.cells:
        if meta := flags(cell):
            assert set(meta) == FLAGS | ({"points"} if meta["grade"] else set()), cell.id
            assert (meta["schema_version"], meta["task"]) == (3, False), cell.id
            assert meta["locked"] != meta["solution"], cell.id


def test_points_are_those_of_the_contract(path, notebook):
    """The graded cells and their points are the assignment's."""
    points = {cell.id: flags(cell)["points"] for cell in notebook.cells if flags(cell).get("grade")}
    assert points == POINTS[path.stem]


def test_points_stand_in_the_metadata_alone(notebook):
    """Texts leave places for points: the title, the heading of each exercise and question, and the table, for all of them."""
    texts = {cell.id: cell.source for cell in notebook.cells if cell.cell_type == "markdown"}
    for name, text in texts.items():
        assert name.startswith("written_") or not re.search(r"\b(\d+|[Oo]ne) points?\b", text), name
    assert re.match(r"# .*\n\n\*\*\{points\} · ", notebook.cells[0].source)
    for cell in graded(notebook):
        name = cell.id.removeprefix("test_")
        assert re.match(r"## Exercise \d+ · .* \(\{points\}[,)]", texts[f"{name}_text"]), name
        assert notebook.cells[0].source.count(f"{{points of {name}}} |") == 1, name
    for name, text in texts.items():
        assert not name.startswith("question_") or re.match(r"### Question \d+ · .* \(\{points\}\)\n", text), name
    assert notebook.cells[0].source.count("{points of written} |") == 1


def test_points_of_the_text_are_those_of_the_cells(notebook):
    """With the numbers written in, the title has the sum, each heading the points of its cells, and the table sums up, too."""
    points = {cell.id: flags(cell)["points"] for cell in notebook.cells if flags(cell).get("grade")}
    texts = {cell.id: cell.source for cell in filled(notebook).cells}
    assert f"**{sum(points.values())} points · " in texts["opening"]
    for name, worth in points.items():
        opener = (
            f"{name.removeprefix('test_')}_text" if name.startswith("test_") else name.replace("written_", "question_")
        )
        assert f"({worth} point{'s' * (worth != 1)}" in texts[opener].splitlines()[0]
    assert sum(map(int, re.findall(r"\| [^|]+ \| (\d+) \| [^|]+ (?=\|)", texts["opening"]))) == sum(points.values())


def test_setup_is_given_and_first(path, notebook):
    """The first code cell is the locked one that looks for `lab`; it names the archive of its own assignment."""
    first = code(notebook)[0]
    assert (first.id, flags(first)["locked"], flags(first)["grade"]) == ("setup", True, False)
    assert set(re.findall(r"\w+\.zip", first.source)) == {f"{path.stem}.zip"}


def test_opening_tells_how_an_exercise_is_checked(path, notebook):
    """It names `lab.check`, with an exercise of this notebook."""
    named = re.findall(r'`lab\.check\("(\w+)"\)`.*`python -m lab\.check (\w+) (\w+)`', notebook.cells[0].source)
    assert len(named) == 1
    exercise, stem, same = named[0]
    assert (stem, same) == (path.stem, exercise)
    assert f"test_{exercise}" in {cell.id for cell in graded(notebook)}


def test_exercises_are_in_order(notebook):
    """An exercise is a text, one solution cell and its visible tests, side by side."""
    ids = [cell.id for cell in notebook.cells]
    for cell in solutions(notebook):
        at = ids.index(cell.id)
        assert (ids[at - 1], ids[at + 1]) == (f"{cell.id}_text", f"test_{cell.id}")


def test_solution_cells_hold_one_documented_definition(notebook):
    """A solution cell defines one function or class; only bodies are cleared, and every docstring is released."""
    for cell in solutions(notebook):
        tree = ast.parse(released(cell.source))
        definitions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        attachments = [node for node in tree.body if isinstance(node, ast.Assign)]
        assert len(definitions) == 1, cell.id
        assert len(definitions) + len(attachments) == len(tree.body), cell.id
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                assert ast.get_docstring(node), f"{cell.id}: {node.name}"


def test_markers_are_balanced_and_in_solution_cells(notebook):
    """Markers come in pairs, in solution cells and nowhere else."""
    for cell in code(notebook):
        markers = [line.strip() for line in cell.source.splitlines() if line.strip() in (BEGIN, END)]
        assert markers == [BEGIN, END] * (len(markers) // 2), cell.id
        assert bool(markers) == bool(flags(cell).get("solution")), cell.id


def test_visible_asserts_explain_themselves(notebook):
    """Test cells assert something first, and every assert has a message that says what was expected or what to do."""
    for cell in graded(notebook):
        tree = ast.parse(cell.source)
        assert isinstance(tree.body[0], ast.Assert), cell.id
        for node in ast.walk(tree):
            if isinstance(node, ast.Assert):
                message = ast.unparse(node.msg) if node.msg else ""
                assert "expected" in message or "not defined" in message, f"{cell.id}: {ast.unparse(node.test)}"


def test_messages_of_visible_checks_fit_what_validate_shows(notebook):
    """Each line of a message fits the 90 columns at which `nbgrader validate` cuts, what is asked, expected and got on
    lines of their own; a field counts as eight characters."""
    for cell in graded(notebook):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Assert):
                parts = node.msg.values if isinstance(node.msg, ast.JoinedStr) else [node.msg]
                text = "".join(part.value if isinstance(part, ast.Constant) else "12345678" for part in parts)
                first, *others = text.split("\n")
                assert len("AssertionError: " + first) <= 83, (cell.id, first)
                assert all(len(line) <= 83 for line in others), (cell.id, text)
                assert not re.search(r"[^\n](: expected|, got) ", text), (cell.id, text)


def test_imports_are_in_one_cell(notebook):
    """The cell `imports` is the only one that imports, beside the one that looks for `lab`, on lines of their own."""
    for cell in code(notebook):
        imports = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert bool(imports) == (cell.id in ("setup", "imports")), cell.id
        assert all(node.lineno == node.end_lineno for node in imports), cell.id


def test_earlier_assignments_define_what_is_imported_from_them(notebook):
    """A notebook's imports from another assignment name what a solution cell of that assignment defines."""
    (cell,) = [cell for cell in code(notebook) if cell.id == "imports"]
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.ImportFrom) and node.module in POINTS:
            earlier = nbformat.read(ROOT / "source" / node.module / f"{node.module}.ipynb", as_version=4)
            trees = [ast.parse(released(cell.source)) for cell in solutions(earlier)]
            defined = {item.name for tree in trees for item in tree.body if hasattr(item, "name")}
            assert {alias.name for alias in node.names} <= defined


def test_no_line_breaks_the_percent_format_or_installs(notebook):
    """No cell marker, magic, shell command, hidden test or absolute path is in a cell."""
    for cell in notebook.cells:
        for line in cell.source.splitlines():
            assert not line.startswith("# %%"), cell.id
            assert "HIDDEN TESTS" not in line, cell.id
            assert not re.search(r"(?<![\w.$])/(home|root|tmp|usr|work|Users)/", line), cell.id
            assert not (cell.cell_type == "code" and line.lstrip().startswith(("!", "%"))), cell.id


def test_written_questions_have_a_mark_scheme_and_an_answer(notebook):
    """A written answer follows a locked question, which holds the mark scheme."""
    for before, cell in zip(notebook.cells, notebook.cells[1:], strict=False):
        if cell.id.startswith("written_") and flags(cell):
            assert before.id == cell.id.replace("written_", "question_")
            assert (flags(before)["locked"], flags(before)["grade"]) == (True, False)
            assert before.source.count("### BEGIN MARK SCHEME") == before.source.count("### END MARK SCHEME") == 1
            assert len(cell.source) > 200
        else:
            assert "MARK SCHEME" not in cell.source or cell.id.startswith("question_"), cell.id


def test_figures_have_a_text_alternative(notebook):
    """Every figure is shown by lab.show, with a text."""
    for cell in code(notebook):
        calls = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
        shown = [call for call in calls if ast.unparse(call.func) == "lab.show"]
        drawn = [
            call
            for call in calls
            if re.fullmatch(r"Figure|lab\.(pictures|latent)\.(?!look\b)\w+", ast.unparse(call.func))
        ]
        assert len(shown) == len(drawn), cell.id
        assert all(len(call.args) == 2 for call in shown), cell.id


def test_percent_view_is_lossless(notebook):
    """Through jupytext's py:percent and back, sources, ids and nbgrader's metadata are the same."""
    back = jupytext.reads(jupytext.writes(notebook, fmt="py:percent"), fmt="py:percent")
    assert [cell.source for cell in back.cells] == [cell.source for cell in notebook.cells]
    assert [cell.cell_type for cell in back.cells] == [cell.cell_type for cell in notebook.cells]
    updated = combine_inputs_with_outputs(back, notebook)
    assert [cell.id for cell in updated.cells] == [cell.id for cell in notebook.cells]
    assert [flags(cell) for cell in updated.cells] == [flags(cell) for cell in notebook.cells]


def test_small_example_of_the_bound_is_right():
    """The nats that the text of vae gives for its model of three pixels are those of sums over a fine grid."""
    text = text_of("vae", "bound_text")
    z, width = np.linspace(-12, 12, 240_001, retstep=True)
    # the second pixel is 0: the sign of its logit is turned
    likelihood = np.prod([1 / (1 + np.exp(-logit)) for logit in (3 * z + 0.5, 2 * z, z - 1)], axis=0)

    def density(mean, spread):
        return np.exp(-(((z - mean) / spread) ** 2) / 2) / (spread * np.sqrt(2 * np.pi))

    joint = likelihood * density(0, 1)
    evidence = np.log(joint.sum() * width)
    assert f"$\\log p(x) = {evidence:.3f}$ nats" in text
    for mean, spread in ((0, 1), (1.07, 0.7), (1.07, 0.2)):
        q = density(mean, spread)
        seen = q > 0
        gap = evidence - (q[seen] * np.log(joint[seen] / q[seen])).sum() * width
        assert re.search(rf"gap(\s+of|:) {gap:.3f} nats", text), gap


def test_spread_of_two_gradient_estimates_is_right():
    """The deviations that vae gives for estimates of d E[z²] / dμ, z from N(1.5, 0.5²), are those of sums over a fine grid."""
    shown = text_of("vae", "gradient_figure")
    noise, width = np.linspace(-12, 12, 240_001, retstep=True)
    weight = np.exp(-(noise**2) / 2) / np.sqrt(2 * np.pi) * width
    z = 1.5 + 0.5 * noise
    deviations = []
    for name, estimates in (("score function", z**2 * noise / 0.5), ("pathwise", 2 * z)):
        mean = (weight * estimates).sum()
        deviations.append(np.sqrt((weight * (estimates - mean) ** 2).sum()))
        assert round(mean, 6) == 3
        assert f'"{name}", {round(deviations[-1], 2)}, ' in shown
    ratio = (deviations[0] / deviations[1]) ** 2
    assert f"= {ratio:.0f} times" in shown
    assert f"variance is {ratio:.0f} times" in text_of("vae", "written_reparameterization")


def text_of(assignment, name):
    """Return the text of a cell."""
    notebook = nbformat.read(ROOT / "source" / assignment / f"{assignment}.ipynb", as_version=4)
    return next(cell.source for cell in notebook.cells if cell.id == name)


def released(source):
    """Return the source of a solution cell with `raise NotImplementedError` in place of each solution."""
    lines, inside = [], False
    for line in source.splitlines():
        if line.strip() == BEGIN:
            inside = True
            lines.append(line.replace(BEGIN, "raise NotImplementedError"))
        elif line.strip() == END:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)
