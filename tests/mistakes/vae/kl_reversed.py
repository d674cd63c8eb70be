"""The divergence from the prior to q is computed."""

FAILS = {"kl_standard_normal"}
HINT = "from the prior to q"


def kl_standard_normal(mu, log_var):
    Normal = torch.distributions.Normal
    q, p = Normal(mu, torch.exp(log_var / 2)), Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(p, q).sum(-1)
