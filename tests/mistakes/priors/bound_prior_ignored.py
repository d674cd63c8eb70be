"""log p(z) is always that of N(0, I)."""

FAILS = {"monte_carlo_elbo"}
HINT = "has a prior of its own"


def monte_carlo_elbo(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros)
    bound = bernoulli_log_prob(x, model.decoder(z)) + log_prior - gaussian_log_prob(z, mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound
