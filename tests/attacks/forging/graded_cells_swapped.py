"""Hands in graded cells under each other's names, twice, and with code of its own that ends with full marks."""

import copy

import nbformat


def submission(folder, notebook):
    graded = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    names = [cell.metadata.nbgrader.grade_id for cell in graded]
    for cell, name in zip(graded, names[1:] + names[:1], strict=True):
        cell.metadata.nbgrader.grade_id = name
        cell.source = "3.0"
    doubles = [
        [nbformat.from_dict(copy.deepcopy(cell) | {"id": f"{cell.id}-{time}"}) for cell in graded] for time in (1, 2)
    ]
    notebook.cells = [*doubles[0], *notebook.cells, *doubles[1]]
    nbformat.write(notebook, folder / "vae.ipynb")
