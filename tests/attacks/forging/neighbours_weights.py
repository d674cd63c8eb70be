"""Hands in a neighbour's weights, in a file of another name order and with other metadata."""

import nbformat
import safetensors.torch

BASE = "trained"
FLAGGED = True
SAID = "the same weights as (ada|bo)"


def submission(folder, notebook):
    nbformat.write(notebook, folder / "vae.ipynb")
    for path in (folder / "checkpoints").iterdir():
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata()
        tensors = safetensors.torch.load(path.read_bytes())
        turned = {name: tensors[name] for name in sorted(tensors, reverse=True)}
        path.write_bytes(safetensors.torch.save(turned, metadata | {"author": "me"}))
