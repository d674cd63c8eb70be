"""Hands in JSON that is no notebook: numbers and texts where cells and sources belong."""

import json

import nbformat

GRADED = False
SAID = "not a notebook"


def submission(folder, notebook):
    data = json.loads(nbformat.writes(notebook))
    data["cells"] = [3, None, {"cell_type": "code", "source": {"a": 1}}, {"cell_type": [], "metadata": 7}]
    (folder / "vae.ipynb").write_text(json.dumps(data))
