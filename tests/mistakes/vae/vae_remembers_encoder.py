"""The bound uses the encoder of construction instead of looking it up when called."""

FAILS = {"elbo", "negative_elbo"}
HINT = ""


def __init__(self, latent_dim, prior=None):
    nn.Module.__init__(self)
    self.encoder, self.decoder = Encoder(latent_dim), Decoder(latent_dim)
    self.prior, self.latent_dim = prior, latent_dim
    self.encode = self.encoder.forward


VAE.__init__ = __init__


def elbo(self, x, eps):
    mu, log_var = self.encode(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound.mean(0) if eps.dim() == 3 else bound


VAE.elbo = elbo
