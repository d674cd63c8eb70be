"""log σ is subtracted where log σ² belongs."""

FAILS = {"kl_standard_normal"}
HINT = "that of the variance belongs"


def kl_standard_normal(mu, log_var):
    return 0.5 * (mu**2 + torch.exp(log_var) - 1 - 0.5 * log_var).sum(-1)
