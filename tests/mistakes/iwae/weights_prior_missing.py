"""log p(z) is missing."""

FAILS = {"log_weights"}
HINT = "log p(z) is missing"
KEEPS = {"log_weights": (0.05, 0.5)}


def log_weights(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p - log_q
