"""log q(z|x) is the density of eps, without the change of volume."""

FAILS = {"log_weights"}
HINT = "stretching thin a density"


def log_weights(model, x, eps):
    mu, log_var = model.encoder(x)
    z, zeros = reparameterize(mu, log_var, eps), torch.zeros_like(eps)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    return bernoulli_log_prob(x, model.decoder(z)) + log_prior - gaussian_log_prob(eps, zeros, zeros)
