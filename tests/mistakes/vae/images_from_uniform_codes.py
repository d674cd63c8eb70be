"""Codes are uniform."""

FAILS = {"sample"}
HINT = "with randn"


@torch.no_grad()
def sample(self, n, generator=None):
    if self.prior is None:
        z = torch.rand(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n, generator=generator)
    return bernoulli_sample(self.decoder(z), generator=generator)


VAE.sample = sample
