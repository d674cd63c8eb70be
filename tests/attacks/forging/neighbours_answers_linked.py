"""Hands in a folder in which everything but the notebook is a link to a neighbour's, with checkpoints and reports."""

import nbformat


def submission(folder, notebook):
    course = folder.parents[2]
    nbformat.write(notebook, folder / "vae.ipynb")
    (folder / "checkpoints").symlink_to(course / "submitted" / "ada" / "vae")
    (folder / "autograded").symlink_to(course / "autograded" / "ada")
    (folder / "vae.json").symlink_to(course / "reports" / "ada" / "vae" / "vae.json")
