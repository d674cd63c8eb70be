"""A right solution whose samples require gradient, one that is zero throughout: torch.bernoulli keeps the graph."""

import torch
from vae import VAE as Reference
from vae import (
    Decoder,
    Encoder,
    bernoulli_log_prob,
    gaussian_log_prob,
    kl_standard_normal,
    reconstruct,
    reparameterize,
    train_step,
)

LOSES = set()
__all__ = ["Decoder", "Encoder", "bernoulli_log_prob", "gaussian_log_prob", "kl_standard_normal", "reconstruct"]
__all__ += ["reparameterize", "train_step"]


def bernoulli_sample(logits, generator=None):
    return torch.bernoulli(torch.sigmoid(logits), generator=generator)


class VAE(Reference):
    def sample(self, n, generator=None):
        if self.prior is None:
            parameter = next(self.parameters())
            options = {"dtype": parameter.dtype, "device": parameter.device}
            z = torch.randn(n, self.latent_dim, generator=generator, **options)
        else:
            z = self.prior.sample(n, generator=generator)
        return bernoulli_sample(self.decoder(z), generator=generator)
