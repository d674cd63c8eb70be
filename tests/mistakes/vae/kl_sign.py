"""The sign is turned round, as in the formula for the bound (Kingma and Welling 2014, appendix B)."""

FAILS = {"kl_standard_normal"}
HINT = "never negative"


def kl_standard_normal(mu, log_var):
    return 0.5 * (1 + log_var - mu**2 - torch.exp(log_var)).sum(-1)
