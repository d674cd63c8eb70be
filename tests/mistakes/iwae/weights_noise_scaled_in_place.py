"""eps is scaled in place."""

FAILS = {"log_weights"}
HINT = "changes its argument"


def log_weights(model, x, eps):
    mu, log_var = model.encoder(x)
    z = eps.mul_(torch.exp(log_var.detach() / 2)) + mu
    z = mu + torch.exp(log_var / 2) * (eps * torch.exp(-log_var.detach() / 2))
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    return bernoulli_log_prob(x, model.decoder(z)) + log_prior - gaussian_log_prob(z, mu, log_var)
