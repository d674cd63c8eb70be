"""The model is put into evaluation mode and left there."""

FAILS = {"sample"}
HINT = "stay in force"


@torch.no_grad()
def sample(self, n, generator=None):
    self.eval()
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n, generator=generator)
    return bernoulli_sample(self.decoder(z), generator=generator)


VAE.sample = sample
