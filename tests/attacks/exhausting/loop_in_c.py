"""Loops for ever in C code, which no interrupt ends and which lets no other thread run."""

import itertools
from collections import deque

PLACE = "kl_standard_normal"
SAID = "kl_standard_normal did not return within 2 s"


def kl_standard_normal(mu, log_var):
    deque(itertools.repeat(1), maxlen=0)
