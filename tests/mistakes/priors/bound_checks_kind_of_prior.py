"""Only priors of a known class are asked."""

FAILS = {"monte_carlo_elbo"}
HINT = "has a prior of its own"


def monte_carlo_elbo(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    known = isinstance(model.prior, (MixturePrior, FlowPrior))
    log_prior = model.prior.log_prob(z) if known else gaussian_log_prob(z, zeros, zeros)
    bound = bernoulli_log_prob(x, model.decoder(z)) + log_prior - gaussian_log_prob(z, mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound
