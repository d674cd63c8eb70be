"""Hands in texts and names that hold halves of characters, which no file can be written with."""

import json

import nbformat


def submission(folder, notebook):
    data = json.loads(nbformat.writes(notebook))
    for cell in data["cells"]:
        cell["source"] = "".join(cell["source"]) + "\n# \ud800 \udfff \x1b[2J\n"
    data["cells"][-1]["attachments"] = {"\ud800.png": {"image/png": "AAAA"}}
    data["cells"].append(
        {
            "cell_type": "code",
            "id": "x",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": "print('\\ud800')",
        }
    )
    (folder / "vae.ipynb").write_text(json.dumps(data))
