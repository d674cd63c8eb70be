"""Claims to have been handed in long ago, by a timestamp file."""

import nbformat

SAID = "(?i)timestamp|handed in|time"


def submission(folder, notebook):
    nbformat.write(notebook, folder / "vae.ipynb")
    (folder / "timestamp.txt").write_text("2001-01-01 00:00:00 UTC")
