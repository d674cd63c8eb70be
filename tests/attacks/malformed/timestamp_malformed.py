"""Hands in a timestamp that is no time, and has a hundred thousand characters."""

import nbformat


def submission(folder, notebook):
    nbformat.write(notebook, folder / "vae.ipynb")
    (folder / "timestamp.txt").write_text("\x1b[2J yesterday " * 10_000)
