"""A small number is added inside the logarithm."""

FAILS = {"kl_standard_normal"}
HINT = "small number is added"


def kl_standard_normal(mu, log_var):
    variance = torch.exp(log_var)
    return 0.5 * (mu**2 + variance - 1 - torch.log(variance + 1e-4)).sum(-1)
