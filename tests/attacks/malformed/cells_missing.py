"""Hands in a notebook without any of the graded cells, and without one answer."""

import nbformat

COSTS = ("kl_standard_normal",)


def submission(folder, notebook):
    graded = [cell.id for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("locked")]
    notebook.cells = [cell for cell in notebook.cells if cell.id not in (*graded, "kl_standard_normal")]
    nbformat.write(notebook, folder / "vae.ipynb")
