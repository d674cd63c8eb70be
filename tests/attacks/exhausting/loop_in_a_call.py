"""Loops for ever in a call."""

PLACE = "kl_standard_normal"
SAID = "kl_standard_normal did not return within 2 s"


def kl_standard_normal(mu, log_var):
    while True:
        pass
