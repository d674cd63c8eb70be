"""Codes come from N(0, I) also where the model has a prior."""

FAILS = {"sample"}
HINT = "codes come from that prior"


@torch.no_grad()
def sample(self, n, generator=None):
    z = torch.randn(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    return bernoulli_sample(self.decoder(z), generator=generator)


VAE.sample = sample
