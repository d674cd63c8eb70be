"""log K is missing."""

FAILS = {"iwae_bound"}
HINT = "log K is missing"


def iwae_bound(log_w):
    return torch.logsumexp(log_w, 0)
