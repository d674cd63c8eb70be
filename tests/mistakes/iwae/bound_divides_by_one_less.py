"""The mean is taken over K - 1."""

FAILS = {"iwae_bound"}
HINT = "divided by K - 1"


def iwae_bound(log_w):
    return torch.logsumexp(log_w, 0) - math.log(max(1, len(log_w) - 1))
