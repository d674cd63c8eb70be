"""The noise is scaled and shifted in place: the caller's eps is overwritten."""

FAILS = {"reparameterize"}
HINT = "ends in an underscore"


def reparameterize(mu, log_var, eps):
    return eps.mul_(torch.exp(log_var / 2)).add_(mu)
