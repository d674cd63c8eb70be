"""The constant with log 2π is dropped in q and p alike, where it would cancel; with another prior it does not."""

FAILS = {"gaussian_log_prob"}
HINT = "constant with log 2π is missing"


def gaussian_log_prob(z, mu, log_var):
    return -0.5 * (log_var + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)
