"""The samples are summed."""

FAILS = {"monte_carlo_elbo"}
HINT = "samples are summed"


def monte_carlo_elbo(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    bound = log_p + log_prior - log_q
    return bound.sum(0) if eps.dim() == 3 else bound
