"""Hands in a notebook in the format of ten years ago."""

import json


def submission(folder, notebook):
    cells = []
    for cell in notebook.cells:
        old = {"cell_type": cell.cell_type, "metadata": cell.metadata}
        if cell.cell_type == "code":
            old |= {"input": cell.source.splitlines(True), "language": "python", "outputs": [], "collapsed": False}
        else:
            old |= {"source": cell.source.splitlines(True)}
        cells.append(old)
    data = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": cells, "metadata": {}}],
    }
    (folder / "vae.ipynb").write_text(json.dumps(data))
