"""The importance weighted bound is computed instead of the average of bounds."""

FAILS = {"elbo"}
HINT = "importance weighted bound"


def elbo(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return torch.logsumexp(bound, 0) - math.log(len(eps)) if eps.dim() == 3 else bound


VAE.elbo = elbo
