"""Calls itself until the stack is full."""

import sys

PLACE = "kl_standard_normal"
SAID = "kl_standard_normal (ended the kernel|raised|did not return)"


def kl_standard_normal(mu, log_var):
    sys.setrecursionlimit(2**30)
    return sorted([mu, log_var], key=lambda value: kl_standard_normal(value, value))
