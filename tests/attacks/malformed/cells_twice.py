"""Hands in every cell twice, the second time with the same name."""

import copy

import nbformat


def submission(folder, notebook):
    notebook.cells = [nbformat.from_dict(copy.deepcopy(cell)) for cell in notebook.cells for _ in range(2)]
    for index, cell in enumerate(notebook.cells):
        cell.id = f"c{index}"
    nbformat.write(notebook, folder / "vae.ipynb")
