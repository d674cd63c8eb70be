"""The decoder is left in training mode."""

FAILS = {"monte_carlo_elbo"}
HINT = "stay in force"


right = monte_carlo_elbo


def monte_carlo_elbo(*args, **kwargs):
    result = right(*args, **kwargs)
    args[0].decoder.train()
    return result
