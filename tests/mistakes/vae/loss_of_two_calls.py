"""The bound is computed twice, and the two averaged."""

FAILS = {"negative_elbo"}
HINT = "Several codes"


def forward(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    bounds = [self.elbo(x, torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)) for _ in range(2)]
    bound = (bounds[0] + bounds[1]) / 2
    return -bound.mean() if reduction == "mean" else -bound.sum()


VAE.forward = forward
