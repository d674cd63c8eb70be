"""Where the prior is N(0, I) the divergence is taken in closed form."""

FAILS = {"monte_carlo_elbo"}
HINT = "closed form"
KEEPS = {"monte_carlo_elbo": (0.6, 0.9)}


def monte_carlo_elbo(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    if model.prior is None:
        kl = 0.5 * (mu**2 + torch.exp(log_var) - 1 - log_var).sum(-1)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - model.prior.log_prob(z)
    bound = bernoulli_log_prob(x, model.decoder(z)) - kl
    return bound.mean(0) if eps.dim() == 3 else bound
