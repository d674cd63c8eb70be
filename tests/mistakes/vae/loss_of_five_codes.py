"""Five codes are decoded for every image, and their bounds averaged."""

FAILS = {"negative_elbo"}
HINT = "Several codes"


def forward(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    noise = torch.randn(5, len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, noise)
    return -bound.mean() if reduction == "mean" else -bound.sum()


VAE.forward = forward
