"""Plain exponentials are divided."""

FAILS = {"normalized_weights"}
HINT = "take the largest out"


def normalized_weights(log_w):
    return torch.exp(log_w) / torch.exp(log_w).sum(0)
