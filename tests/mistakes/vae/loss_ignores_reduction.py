"""The mean is returned whatever the reduction."""

FAILS = {"negative_elbo"}
HINT = "is the option looked at"


def negative_elbo(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    return -self.elbo(x, eps).mean()


VAE.forward = negative_elbo
