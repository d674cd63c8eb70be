"""Hands in a link to a neighbour's notebook."""

GRADED = False
SAID = "vae.ipynb"


def submission(folder, notebook):
    (folder / "vae.ipynb").symlink_to(folder.parents[1] / "ada" / "vae" / "vae.ipynb")
