"""The factor ½ is missing."""

FAILS = {"kl_standard_normal"}
HINT = "factor ½"


def kl_standard_normal(mu, log_var):
    return (mu**2 + torch.exp(log_var) - 1 - log_var).sum(-1)
