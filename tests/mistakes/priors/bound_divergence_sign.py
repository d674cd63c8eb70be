"""The two densities of z are exchanged."""

FAILS = {"monte_carlo_elbo"}
HINT = "each other's sign"


def monte_carlo_elbo(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    bound = log_p - log_prior + log_q
    return bound.mean(0) if eps.dim() == 3 else bound
