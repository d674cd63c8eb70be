"""log K is added, as in a loss whose sign was changed half."""

FAILS = {"iwae_bound"}
HINT = "log K is added"
KEEPS = {"iwae_bound": (0.1, 0.5)}


def iwae_bound(log_w):
    return torch.logsumexp(log_w, 0) + math.log(len(log_w))
