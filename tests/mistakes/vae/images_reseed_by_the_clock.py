"""A seed from the clock is set before images are drawn without a generator."""

FAILS = {"sample"}
HINT = "seed is set"


right = VAE.sample


def changed(self, *args, **kwargs):
    torch.seed() if kwargs.get("generator") is None else None
    result = right(self, *args, **kwargs)
    return result


VAE.sample = changed
