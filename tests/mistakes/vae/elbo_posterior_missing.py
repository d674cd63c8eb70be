"""log q(z|x) is left out of the Monte Carlo divergence."""

FAILS = {"elbo"}
HINT = "log q(z|x) is missing"


def elbo(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    kl = kl_standard_normal(mu, log_var) if self.prior is None else -self.prior.log_prob(z)
    bound = bernoulli_log_prob(x, self.decoder(z)) - kl
    return bound.mean(0) if eps.dim() == 3 else bound


VAE.elbo = elbo
