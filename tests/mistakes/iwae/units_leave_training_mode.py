"""The encoder is left in training mode."""

FAILS = {"active_units"}
HINT = "stay in force"


right = active_units


def active_units(*args, **kwargs):
    result = right(*args, **kwargs)
    args[0].encoder.train()
    return result
