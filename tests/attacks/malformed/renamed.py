"""Hands in the notebook under another name."""

import nbformat

SAID = "all automatic tests passed"


def submission(folder, notebook):
    nbformat.write(notebook, folder / "vae (final) v2.ipynb")
