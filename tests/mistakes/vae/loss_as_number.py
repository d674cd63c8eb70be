"""The loss is returned as a new tensor without graph."""

FAILS = {"negative_elbo"}
HINT = "Something cuts the graph"


def negative_elbo(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, eps)
    return torch.tensor(-getattr(bound, reduction)().item(), dtype=x.dtype)


VAE.forward = negative_elbo
