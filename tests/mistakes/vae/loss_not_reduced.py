"""One loss for every image is returned."""

FAILS = {"negative_elbo"}
HINT = "one number is asked"


def negative_elbo(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    return -self.elbo(x, eps)


VAE.forward = negative_elbo
