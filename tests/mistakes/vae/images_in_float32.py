"""Codes are always float32."""

FAILS = {"sample"}
HINT = ""


@torch.no_grad()
def sample(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, generator=generator)
    else:
        z = self.prior.sample(n, generator=generator)
    return bernoulli_sample(self.decoder(z), generator=generator)


VAE.sample = sample
