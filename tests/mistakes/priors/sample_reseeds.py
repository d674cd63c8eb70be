"""A fixed seed is set before codes are drawn without a generator."""

FAILS = {"mixture_sample"}
HINT = "seed is set"


right = MixturePrior.sample


def changed(self, *args, **kwargs):
    torch.manual_seed(0) if kwargs.get("generator") is None else None
    result = right(self, *args, **kwargs)
    return result


MixturePrior.sample = changed
