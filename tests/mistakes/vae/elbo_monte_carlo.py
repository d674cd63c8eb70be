"""The divergence is estimated from the sample also where it is known in closed form."""

FAILS = {"elbo"}
HINT = "known in closed form"


def elbo(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = gaussian_log_prob(z, mu, log_var) - gaussian_log_prob(z, 0 * mu, 0 * log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound.mean(0) if eps.dim() == 3 else bound


VAE.elbo = elbo
