"""Hands in a folder with everything but a notebook."""

GRADED = False
SAID = "vae.ipynb"


def submission(folder, notebook):
    (folder / "answers.txt").write_text("They are in my head.")
