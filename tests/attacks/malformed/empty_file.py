"""Hands in an empty file."""

GRADED = False
SAID = "not valid JSON|empty"


def submission(folder, notebook):
    (folder / "vae.ipynb").touch()
