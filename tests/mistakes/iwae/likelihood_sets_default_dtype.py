"""New tensors are made double for everybody."""

FAILS = {"log_likelihood"}
HINT = "set_default_dtype"


right = log_likelihood


def log_likelihood(*args, **kwargs):
    torch.set_default_dtype(torch.float64)
    result = right(*args, **kwargs)
    return result
