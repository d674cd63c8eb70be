"""The exponential is forgotten: log_var itself scales the noise."""

FAILS = {"reparameterize"}
HINT = "Which function turns a logarithm back"


def reparameterize(mu, log_var, eps):
    return mu + log_var * eps
