"""Noise whose first axis has the size of the batch is taken for (B, K, D)."""

FAILS = {"log_weights"}
HINT = "is taken for"


right_log_weights = log_weights


def log_weights(model, x, eps):
    if len(eps) == eps.shape[1]:
        return right_log_weights(model, x, eps.transpose(0, 1)).T
    return right_log_weights(model, x, eps)
