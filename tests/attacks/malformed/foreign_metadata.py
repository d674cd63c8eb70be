"""Hands in metadata of wrong types everywhere, and the kernel of another language."""

import json

import nbformat


def submission(folder, notebook):
    data = json.loads(nbformat.writes(notebook))
    data["metadata"] = {
        "kernelspec": {"name": "no-such-kernel", "language": "cobol"},
        "language_info": [],
        "widgets": 7,
    }
    for index, cell in enumerate(data["cells"]):
        cell["metadata"] |= {
            "tags": "x",
            "nbgrader": {**cell["metadata"].get("nbgrader", {}), "points": "many", "schema_version": 99},
        }
        cell["id"] = ["x", None, 7, "../../x", "y" * 1000][index % 5]
    (folder / "vae.ipynb").write_text(json.dumps(data))
