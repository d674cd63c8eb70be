"""What every examination needs, imported once by the process that all of them are forked from; see `apart`."""

import os

import torch

import autograder.examine.examine  # noqa: F401 (loaded, so that no examination has to)
import lab

torch.set_num_threads(1)  # before anything is computed: threads do not survive a fork
if os.environ.get("COURSE_DATASET") == "glyphs":
    lab.load("test", dataset="glyphs", device="cpu")  # drawn once
