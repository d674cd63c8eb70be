"""Writes a few bytes to every connection of the kernel inside an exercise's function: the grader's next message has nowhere to go."""

import contextlib
import os

PLACE = "kl_standard_normal"
GRADED = False
SAID = "kl_standard_normal did not return within"


def kl_standard_normal(mu, log_var):
    for descriptor in range(3, 256):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"eleven byte")
    return mu.sum(-1)
