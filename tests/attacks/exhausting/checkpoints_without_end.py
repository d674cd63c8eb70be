"""Hands in checkpoints that claim terabytes, millions of tensors and endless names, and too many of them."""

import json
import os

import nbformat


def submission(folder, notebook):
    nbformat.write(notebook, folder / "vae.ipynb")
    place = folder / "checkpoints"
    place.mkdir()
    huge = {"x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
    many = {str(number): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for number in range(100_000)}
    for name, header in {"huge": huge, "many": many, "deep": json.loads("[" * 500 + "]" * 500)}.items():
        text = json.dumps(header).encode()
        (place / f"{name}.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    (place / "claims.safetensors").write_bytes(b"\xff" * 8 + b"{}")
    (place / "pickled.safetensors").write_bytes(b"cos\nsystem\n(S'touch pickled'\ntR.")
    with open(place / "sparse.safetensors", "wb") as file:
        file.truncate(2**40)
    os.mkfifo(place / "fifo.safetensors")
    (place / "zero.safetensors").symlink_to("/dev/zero")
    for number in range(200):
        (place / f"small{number}.safetensors").write_bytes(b"x")
