"""Hands in thousands of side files, in folders nested very deep, with large ones among them."""

import nbformat


def submission(folder, notebook):
    nbformat.write(notebook, folder / "vae.ipynb")
    place = folder
    for depth in range(60):
        place = place / f"deeper{depth}"
        place.mkdir()
        for number in range(30):
            (place / f"picture{number}.png").write_bytes(b"\x89PNG")
    with open(folder / "large.png", "wb") as file:
        file.truncate(2**36)
    notebook.cells[-1].source += "\n\n![x](large.png) ![x](deeper0/picture0.png)"
    nbformat.write(notebook, folder / "vae.ipynb")
