"""The constructor takes a prior and does not keep it."""

FAILS = {"elbo"}
HINT = "prior of its own"


def __init__(self, latent_dim, prior=None):
    nn.Module.__init__(self)
    self.encoder, self.decoder = Encoder(latent_dim), Decoder(latent_dim)
    self.prior, self.latent_dim = None, latent_dim


VAE.__init__ = __init__
