"""The terms are multiplied as densities before the logarithm."""

FAILS = {"monte_carlo_elbo"}
HINT = "density is computed first"


def monte_carlo_elbo(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    weight = torch.exp(bernoulli_log_prob(x, model.decoder(z))) * torch.exp(log_prior)
    bound = torch.log(weight) - gaussian_log_prob(z, mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound
