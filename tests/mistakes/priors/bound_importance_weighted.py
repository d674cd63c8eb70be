"""The samples are combined as in an importance weighted bound."""

FAILS = {"monte_carlo_elbo"}
HINT = "importance weighted"


def monte_carlo_elbo(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    bound = log_p + log_prior - log_q
    return torch.logsumexp(bound, 0) - math.log(len(eps)) if eps.dim() == 3 else bound
