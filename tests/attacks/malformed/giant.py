"""Hands in a notebook of a hundred megabytes of output."""

import nbformat

GRADED = False
SAID = "MiB"


def submission(folder, notebook):
    output = nbformat.v4.new_output("stream", text="x" * 10**8)
    next(cell for cell in notebook.cells if cell.cell_type == "code").outputs = [output]
    nbformat.write(notebook, folder / "vae.ipynb")
