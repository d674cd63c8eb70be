"""The decoder is left in training mode."""

FAILS = {"log_likelihood"}
HINT = "stay in force"


right = log_likelihood


def log_likelihood(*args, **kwargs):
    result = right(*args, **kwargs)
    args[0].decoder.train()
    return result
