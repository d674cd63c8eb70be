"""The log weights are divided by their sum."""

FAILS = {"normalized_weights"}
HINT = "take the exponentials first"


def normalized_weights(log_w):
    return log_w / log_w.sum(0)
