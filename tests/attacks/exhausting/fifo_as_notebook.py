"""Hands in a FIFO, which nobody writes to, as the notebook and as everything beside it."""

import os

GRADED = False
SAID = "not a regular file"


def submission(folder, notebook):
    for name in ("vae.ipynb", "timestamp.txt", "data.png"):
        os.mkfifo(folder / name)
