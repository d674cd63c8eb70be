"""Hands in a link to a neighbour's folder."""

GRADED = False
SAID = "link|folder"


def submission(folder, notebook):
    folder.rmdir()
    folder.symlink_to(folder.parents[1] / "ada" / "vae")
