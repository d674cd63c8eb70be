"""Hands in a notebook that begins with a byte order mark and has the line ends of another system."""

import nbformat


def submission(folder, notebook):
    text = nbformat.writes(notebook).replace("\n", "\r\n")
    (folder / "vae.ipynb").write_bytes(b"\xef\xbb\xbf" + text.encode())
