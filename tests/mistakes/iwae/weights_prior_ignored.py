"""The prior is always N(0, I)."""

FAILS = {"log_weights"}
HINT = "has a prior of its own"
KEEPS = {"log_weights": (0.4, 0.7)}


def log_weights(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p + gaussian_log_prob(z, zeros, zeros) - log_q
