"""The divergence is left out: an autoencoder."""

FAILS = {"elbo"}
HINT = "divergence is missing"


def elbo(self, x, eps):
    mu, log_var = self.encoder(x)
    bound = bernoulli_log_prob(x, self.decoder(reparameterize(mu, log_var, eps)))
    return bound.mean(0) if eps.dim() == 3 else bound


VAE.elbo = elbo
