"""Hooks itself into every cell and call, where it waits, fails and exits."""

import itertools
import time

from IPython import get_ipython

SAID = "did not end within|waited for|ended the kernel|output"
COSTS = ("reparameterize", "gaussian_log_prob", "kl_standard_normal")
turn = itertools.count()


def disturb(*args):
    if next(turn) % 3 == 0:
        time.sleep(1000)
    raise SystemExit


for event in ("pre_execute", "pre_run_cell", "post_execute", "post_run_cell"):
    get_ipython().events.register(event, disturb)
