"""Means are returned with their graph."""

FAILS = {"sample"}
HINT = "torch.no_grad"
ALSO = ("These are probabilities",)


def sample(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n, generator=generator)
    return torch.sigmoid(self.decoder(z))


VAE.sample = sample
