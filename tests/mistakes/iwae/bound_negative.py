"""The loss is returned."""

FAILS = {"iwae_bound"}
HINT = "the sign changes in the loss"


def iwae_bound(log_w):
    return math.log(len(log_w)) - torch.logsumexp(log_w, 0)
