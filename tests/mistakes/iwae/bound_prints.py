"""It prints."""

FAILS = {"iwae_bound"}
HINT = "Remove print calls"


def iwae_bound(log_w):
    print("bound")
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))
