"""One number of noise is drawn for each image."""

FAILS = {"negative_elbo"}
HINT = "has its own noise"


def negative_elbo(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(len(x), 1, dtype=x.dtype, device=x.device).expand(-1, self.latent_dim)
    bound = self.elbo(x, eps)
    return -bound.mean() if reduction == "mean" else -bound.sum()


VAE.forward = negative_elbo
