"""The weights are computed, and their logarithms taken after."""

FAILS = {"log_weights"}
HINT = "density is computed first"


def log_weights(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    joint = torch.exp(bernoulli_log_prob(x, model.decoder(z)) + log_prior)
    return torch.log(joint / torch.exp(gaussian_log_prob(z, mu, log_var)))
