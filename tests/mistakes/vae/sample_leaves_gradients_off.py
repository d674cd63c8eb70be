"""Gradients are switched off and not on again."""

FAILS = {"bernoulli_sample"}
HINT = "Gradients stay switched off"


right = bernoulli_sample


def bernoulli_sample(*args, **kwargs):
    torch.set_grad_enabled(False)
    result = right(*args, **kwargs)
    return result
