"""Gradients are switched off and not on again."""

FAILS = {"log_likelihood"}
HINT = "Gradients stay switched off"


right = log_likelihood


def log_likelihood(*args, **kwargs):
    torch.set_grad_enabled(False)
    result = right(*args, **kwargs)
    return result
