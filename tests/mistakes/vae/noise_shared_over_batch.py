"""All images of a batch share one row of noise."""

FAILS = {"reparameterize"}
HINT = "noise of the first one"


def reparameterize(mu, log_var, eps):
    return mu + torch.exp(log_var / 2) * eps[..., :1, :]
