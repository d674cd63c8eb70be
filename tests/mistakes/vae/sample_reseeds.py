"""A fixed seed is set before pixels are drawn without a generator."""

FAILS = {"bernoulli_sample"}
HINT = "seed is set"


right = bernoulli_sample


def bernoulli_sample(*args, **kwargs):
    torch.manual_seed(0) if len(args) == 1 and not kwargs else None
    result = right(*args, **kwargs)
    return result
