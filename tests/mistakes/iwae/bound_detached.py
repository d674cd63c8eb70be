"""The shift cuts the graph."""

FAILS = {"iwae_bound", "gradient_snr"}
HINT = "cuts the graph"


def iwae_bound(log_w):
    return torch.logsumexp(log_w.detach(), 0) - math.log(len(log_w))
