"""Learnable priors are handed one sample at a time, and only the first."""

FAILS = {"monte_carlo_elbo"}
HINT = "Ask model.prior"


def monte_carlo_elbo(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    if isinstance(model.prior, (MixturePrior, FlowPrior)):
        log_prior = model.prior.log_prob(z[0] if z.dim() == 3 else z)
    else:
        log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    bound = bernoulli_log_prob(x, model.decoder(z)) + log_prior - gaussian_log_prob(z, mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound
