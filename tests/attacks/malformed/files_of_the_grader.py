"""Hands in files in the place of what the grader gives: the library, a configuration, a gradebook, reports."""

import nbformat


def submission(folder, notebook):
    nbformat.write(notebook, folder / "vae.ipynb")
    for name in (
        "lab/__init__.py",
        "torch.py",
        "nbgrader_config.py",
        "course_config.py",
        "sitecustomize.py",
        "conftest.py",
        "autograder/__init__.py",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("raise SystemExit('changed by a submission')\n")
    for name in ("gradebook.db", "vae.json", "vae.html"):
        (folder / name).write_text("{}")
