"""The exponential is taken twice: a standard deviation is passed where its logarithm is expected (IBMEA issue 2)."""

FAILS = {"reparameterize"}
HINT = "exponential were taken twice"


def reparameterize(mu, log_var, eps):
    return mu + torch.exp(torch.exp(log_var / 2)) * eps
