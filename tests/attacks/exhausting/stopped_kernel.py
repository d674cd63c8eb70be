"""Stops its own process, which then neither runs nor ends."""

import os
import signal

PLACE = "kl_standard_normal"
GRADED = False
SAID = "kl_standard_normal did not return within"


def kl_standard_normal(mu, log_var):
    os.kill(os.getpid(), signal.SIGSTOP)
