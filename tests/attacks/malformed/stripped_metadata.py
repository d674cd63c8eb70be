"""Hands in a notebook from which another program has taken all metadata and the cells' names."""

import json

import nbformat


def submission(folder, notebook):
    data = json.loads(nbformat.writes(notebook))
    data |= {"metadata": {}, "nbformat_minor": 2}
    data["cells"] = [{k: v for k, v in cell.items() if k != "id"} | {"metadata": {}} for cell in data["cells"]]
    (folder / "vae.ipynb").write_text(json.dumps(data))
