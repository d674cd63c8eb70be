"""The decoder is left in training mode."""

FAILS = {"log_weights"}
HINT = "stay in force"


right = log_weights


def log_weights(*args, **kwargs):
    result = right(*args, **kwargs)
    args[0].decoder.train()
    return result
