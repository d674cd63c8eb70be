"""The -1 of every dimension is missing: the divergence of the prior from itself is not zero."""

FAILS = {"kl_standard_normal"}
HINT = "when q is the prior"


def kl_standard_normal(mu, log_var):
    return 0.5 * (mu**2 + torch.exp(log_var) - log_var).sum(-1)
