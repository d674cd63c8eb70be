"""K samples are asked for, one is returned: eps[0]."""

FAILS = {"elbo", "reparameterize"}
HINT = "Does every path"


def reparameterize(mu, log_var, eps):
    if eps.dim() == 2:
        return mu + torch.exp(log_var / 2) * eps
