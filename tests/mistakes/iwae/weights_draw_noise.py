"""New noise is drawn in place of eps."""

FAILS = {"log_weights", "gradient_snr"}
HINT = "nothing is to be drawn"
ALSO = ("comes in through eps",)


def log_weights(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, torch.randn_like(eps))
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p + log_prior - log_q
