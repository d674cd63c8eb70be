"""Hands in two notebooks, neither under its name."""

import nbformat

GRADED = False
SAID = "vae.ipynb"


def submission(folder, notebook):
    for name in ("first.ipynb", "second.ipynb"):
        nbformat.write(notebook, folder / name)
