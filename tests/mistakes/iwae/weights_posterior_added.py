"""log q(z|x) is added."""

FAILS = {"log_weights"}
HINT = "log q(z|x) is added"
KEEPS = {"log_weights": (0.05, 0.5)}


def log_weights(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p + log_prior + log_q
