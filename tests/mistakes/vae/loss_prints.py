"""A print from debugging is left in."""

FAILS = {"negative_elbo"}
HINT = "Remove print calls"


def negative_elbo(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, eps)
    print(bound.mean())
    return -bound.mean() if reduction == "mean" else -bound.sum()


VAE.forward = negative_elbo
