"""The generator is seeded inside the loss."""

FAILS = {"negative_elbo"}
HINT = "do not seed inside"


def negative_elbo(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    torch.manual_seed(0)
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, eps)
    return -bound.mean() if reduction == "mean" else -bound.sum()


VAE.forward = negative_elbo
