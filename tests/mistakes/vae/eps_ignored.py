"""The mean is returned, as some layers do outside training: eps is not used."""

FAILS = {"reparameterize"}
HINT = "equals mu whatever eps is"
ALSO = ("has the shape of eps",)


def reparameterize(mu, log_var, eps):
    return mu
