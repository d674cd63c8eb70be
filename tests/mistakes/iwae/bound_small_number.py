"""A small number in the logarithm keeps it finite."""

FAILS = {"iwae_bound"}
HINT = "take the largest out"


def iwae_bound(log_w):
    return torch.log(torch.exp(log_w).mean(0) + 1e-30)
