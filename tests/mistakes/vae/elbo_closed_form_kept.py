"""The closed-form divergence to N(0, I) is kept with another prior (Normalizing_Flows issue 1)."""

FAILS = {"elbo"}
HINT = "prior of its own"


def elbo(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    bound = bernoulli_log_prob(x, self.decoder(z)) - kl_standard_normal(mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound


VAE.elbo = elbo
