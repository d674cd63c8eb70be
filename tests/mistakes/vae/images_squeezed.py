"""Axes of size one are squeezed away."""

FAILS = {"sample"}
HINT = "shape"


@torch.no_grad()
def sample(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n, generator=generator)
    return bernoulli_sample(self.decoder(z), generator=generator).squeeze()


VAE.sample = sample
