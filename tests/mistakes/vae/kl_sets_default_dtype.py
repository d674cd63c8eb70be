"""New tensors are made double for everybody."""

FAILS = {"kl_standard_normal"}
HINT = "set_default_dtype"


right = kl_standard_normal


def kl_standard_normal(*args, **kwargs):
    torch.set_default_dtype(torch.float64)
    result = right(*args, **kwargs)
    return result
