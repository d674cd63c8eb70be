"""Anything but mean is taken for sum."""

FAILS = {"negative_elbo"}
HINT = "misspelt"


def negative_elbo(self, x, reduction="mean"):
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, eps)
    return -bound.mean() if reduction == "mean" else -bound.sum()


VAE.forward = negative_elbo
