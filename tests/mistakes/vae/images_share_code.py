"""One code is drawn for all images."""

FAILS = {"sample"}
HINT = "of shape (n, latent_dim)"


@torch.no_grad()
def sample(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(1, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype).expand(n, -1)
    else:
        z = self.prior.sample(n, generator=generator)
    return bernoulli_sample(self.decoder(z), generator=generator)


VAE.sample = sample
