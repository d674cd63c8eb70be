"""A prior of None is not thought of."""

FAILS = {"monte_carlo_elbo"}
HINT = "raised AttributeError"


def monte_carlo_elbo(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    bound = bernoulli_log_prob(x, model.decoder(z)) + model.prior.log_prob(z) - gaussian_log_prob(z, mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound
