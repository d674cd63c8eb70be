"""A seed from the clock is set where no generator is given."""

FAILS = {"gradient_snr"}
HINT = "seed is set"


right = gradient_snr


def gradient_snr(*args, **kwargs):
    torch.seed() if kwargs.get("generator") is None else None
    result = right(*args, **kwargs)
    return result
