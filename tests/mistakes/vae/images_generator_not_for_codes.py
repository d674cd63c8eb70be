"""The generator is used for the pixels only."""

FAILS = {"sample"}
HINT = "Hand the generator"


@torch.no_grad()
def sample(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n)
    return bernoulli_sample(self.decoder(z), generator=generator)


VAE.sample = sample
