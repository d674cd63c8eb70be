"""Hands in many cells that each end just before they would be stopped."""

import nbformat

SAID = "used up its 120 s"
GRADED = False


def submission(folder, notebook):
    notebook.cells += [nbformat.v4.new_code_cell("import time; time.sleep(8)") for _ in range(500)]
    nbformat.write(notebook, folder / "vae.ipynb")
