"""The standard deviation is taken from .data, so log_var learns nothing from the reconstruction."""

FAILS = {"reparameterize"}
HINT = "Something cuts the graph"


def reparameterize(mu, log_var, eps):
    return mu + torch.exp(log_var.data / 2) * eps
