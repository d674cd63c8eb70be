"""Hands in files whose names climb out of the folder, command terminals, and hold patterns, braces and line ends."""

import nbformat

NAMES = (
    "..%2f..%2fx.txt",
    "\x1b]0;changed\x07.txt",
    "a\nada: passed.txt",
    "{0}{student}%s.txt",
    "*.png",
    "-rf",
    ".hidden",
    "\u202egnp.exe",
    "x" * 200,
)


def submission(folder, notebook):
    nbformat.write(notebook, folder / "vae.ipynb")
    (folder / "checkpoints").mkdir()
    for name in NAMES:
        (folder / name).write_text("x")
        (folder / "checkpoints" / f"{name}.safetensors").write_text("x")
    (folder / "[a-z]*" / "..." / " ").mkdir(parents=True)
    with open(str(folder).encode() + b"/\xff\xfe.png", "w") as file:
        file.write("x")
