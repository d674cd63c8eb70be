"""Hands in the first half of a notebook."""

import nbformat

GRADED = False
SAID = "not valid JSON"


def submission(folder, notebook):
    text = nbformat.writes(notebook)
    (folder / "vae.ipynb").write_text(text[: len(text) // 2])
