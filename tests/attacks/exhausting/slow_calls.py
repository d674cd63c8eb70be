"""Sleeps in every call for a little less than is allowed."""

import time

PLACE = "kl_standard_normal"


def kl_standard_normal(mu, log_var):
    time.sleep(1.5)
