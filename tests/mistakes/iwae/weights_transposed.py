"""Images come first."""

FAILS = {"log_weights", "log_likelihood"}
HINT = "samples are the first axis"
ALSO = (
    "One bound for every image",
    "One value for every image",
)


def log_weights(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return (log_p + log_prior - log_q).T
