"""Reads where there is no memory."""

import ctypes

PLACE = "kl_standard_normal"
SAID = "kl_standard_normal ended the kernel"


def kl_standard_normal(mu, log_var):
    ctypes.string_at(0)
