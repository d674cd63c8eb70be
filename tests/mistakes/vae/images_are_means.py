"""The decoder's means are returned as samples."""

FAILS = {"sample"}
HINT = "These are probabilities"


@torch.no_grad()
def sample(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n, generator=generator)
    return torch.sigmoid(self.decoder(z))


VAE.sample = sample
