"""logsumexp is one of losses."""

FAILS = {"iwae_bound"}
HINT = "smallest weight rules"


def iwae_bound(log_w):
    return -(torch.logsumexp(-log_w, 0) - math.log(len(log_w)))
