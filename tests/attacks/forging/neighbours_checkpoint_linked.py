"""Hands in a link to a neighbour's checkpoint instead of one of its own."""

import nbformat

BASE = "untrained"


def submission(folder, notebook):
    nbformat.write(notebook, folder / "vae.ipynb")
    (folder / "checkpoints").mkdir()
    for path in (folder.parents[1] / "ada" / "vae" / "checkpoints").iterdir():
        (folder / "checkpoints" / path.name).symlink_to(path)
