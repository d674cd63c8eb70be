"""The divergence stands in closed form."""

FAILS = {"log_weights"}
HINT = "stands here in closed form"


def log_weights(model, x, eps):
    mu, log_var = model.encoder(x)
    return bernoulli_log_prob(x, model.decoder(reparameterize(mu, log_var, eps))) - kl_standard_normal(mu, log_var)
