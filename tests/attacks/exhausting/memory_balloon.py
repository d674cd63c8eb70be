"""Takes memory without end in a call."""

PLACE = "kl_standard_normal"
SAID = "memory"
held = []


def kl_standard_normal(mu, log_var):
    while True:
        held.append(bytearray(b"x") * 2**24)
