"""One row of noise is drawn for the whole batch."""

FAILS = {"negative_elbo"}
HINT = "has its own noise"


def negative_elbo(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(1, self.latent_dim, dtype=x.dtype, device=x.device).expand(len(x), -1)
    bound = self.elbo(x, eps)
    return -bound.mean() if reduction == "mean" else -bound.sum()


VAE.forward = negative_elbo
