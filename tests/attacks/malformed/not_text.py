"""Hands in bytes that are no text, with the name of a notebook."""

GRADED = False
SAID = "not valid JSON|UTF-8|NUL bytes"


def submission(folder, notebook):
    (folder / "vae.ipynb").write_bytes(bytes(range(256)) * 100)
