"""torch.distributions.Normal is given the variance as its scale."""

FAILS = {"gaussian_log_prob"}
HINT = "takes its standard deviation"


def gaussian_log_prob(z, mu, log_var):
    return torch.distributions.Normal(mu, torch.exp(log_var)).log_prob(z).sum(-1)
