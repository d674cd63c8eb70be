"""The variance is used as the standard deviation (keras issue 3283, ibp_vae issue 3)."""

FAILS = {"reparameterize"}
HINT = "scaled by the variance"


def reparameterize(mu, log_var, eps):
    return mu + torch.exp(log_var) * eps
