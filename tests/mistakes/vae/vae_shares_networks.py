"""Encoder and decoder are made once and shared by all models."""

FAILS = {"elbo"}
HINT = "in the constructor"


shared_encoder, shared_decoder = Encoder(3), Decoder(3)


def __init__(self, latent_dim, prior=None):
    nn.Module.__init__(self)
    self.encoder, self.decoder = shared_encoder, shared_decoder
    self.prior, self.latent_dim = prior, latent_dim


VAE.__init__ = __init__
