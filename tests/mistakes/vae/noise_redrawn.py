"""New noise is drawn where eps is given."""

FAILS = {"reparameterize"}
HINT = "nothing is to be drawn"
ALSO = ("in its arguments",)


def reparameterize(mu, log_var, eps):
    return mu + torch.exp(log_var / 2) * torch.randn_like(eps)
