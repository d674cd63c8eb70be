"""A print from debugging is left in."""

FAILS = {"reparameterize"}
HINT = "Remove print calls"


def reparameterize(mu, log_var, eps):
    print(mu.shape, log_var.shape, eps.shape)
    return mu + torch.exp(log_var / 2) * eps
