"""Asks for a neighbour's picture in a written answer, by its path and through links that are handed in."""

import nbformat

PATHS = (
    "../../ada/vae/proof.png",
    "mine.png",
    "pictures/proof.png",
    "../../../submitted/ada/vae/proof.png",
    "%2e%2e/%2e%2e/ada/vae/proof.png",
)


def submission(folder, notebook):
    neighbour = folder.parents[1] / "ada" / "vae"
    (folder / "mine.png").symlink_to(neighbour / "proof.png")
    (folder / "pictures").symlink_to(neighbour)
    for path in (*PATHS, str(neighbour / "proof.png"), f"file://{neighbour / 'proof.png'}"):
        notebook.cells[-1].source += f"\n\n![proof]({path}) <img src='{path}'>"
    nbformat.write(notebook, folder / "vae.ipynb")
