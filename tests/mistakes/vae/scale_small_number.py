"""A small number is added to the variance."""

FAILS = {"reparameterize"}
HINT = "small number is added"


def reparameterize(mu, log_var, eps):
    return mu + torch.sqrt(torch.exp(log_var) + 1e-4) * eps
