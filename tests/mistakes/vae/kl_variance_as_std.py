"""kl_divergence between Normals whose scale is the variance."""

FAILS = {"kl_standard_normal"}
HINT = "squared once too often"


def kl_standard_normal(mu, log_var):
    Normal = torch.distributions.Normal
    q, p = Normal(mu, torch.exp(log_var)), Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(q, p).sum(-1)
