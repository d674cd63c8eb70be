"""Hands in answers as text, graded cells as raw cells, and written answers as code."""

import nbformat

COSTS = ("reparameterize",)


def submission(folder, notebook):
    for cell in notebook.cells:
        known = cell.metadata.get("nbgrader", {})
        if known.get("grade_id") == "reparameterize":
            cell.cell_type = "markdown"
        elif known.get("grade"):
            cell.cell_type = "raw" if cell.cell_type == "code" else "code"
        if cell.cell_type == "code":
            cell.setdefault("outputs", [])
            cell.setdefault("execution_count", None)
        else:
            cell.pop("outputs", None)
            cell.pop("execution_count", None)
    nbformat.write(notebook, folder / "vae.ipynb")
