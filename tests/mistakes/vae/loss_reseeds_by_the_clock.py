"""A seed from the clock is set before the noise is drawn."""

FAILS = {"negative_elbo"}
HINT = "seed is set"


right = VAE.forward


def changed(self, *args, **kwargs):
    torch.seed()
    result = right(self, *args, **kwargs)
    return result


VAE.forward = changed
