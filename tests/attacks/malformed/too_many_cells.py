"""Hands in a notebook of fifty thousand cells."""

import json

import nbformat

GRADED = False
SAID = "cells"


def submission(folder, notebook):
    data = json.loads(nbformat.writes(notebook))
    data["cells"] += [{"cell_type": "raw", "metadata": {}, "source": ""}] * 50_000
    (folder / "vae.ipynb").write_text(json.dumps(data))
