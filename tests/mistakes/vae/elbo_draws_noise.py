"""Noise is drawn inside although eps is given."""

FAILS = {"elbo"}
HINT = "nothing is to be drawn"
ALSO = ("comes in through eps",)


def elbo(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, torch.randn_like(eps))
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound.mean(0) if eps.dim() == 3 else bound


VAE.elbo = elbo
