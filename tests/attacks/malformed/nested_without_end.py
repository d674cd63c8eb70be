"""Hands in JSON that is nested a million deep."""

GRADED = False
SAID = "not valid JSON|not a notebook"


def submission(folder, notebook):
    (folder / "vae.ipynb").write_text('{"cells": ' + "[" * 10**6)
