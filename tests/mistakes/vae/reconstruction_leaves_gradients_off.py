"""Gradients are switched off and not on again."""

FAILS = {"reconstruct"}
HINT = "Gradients stay switched off"


right = reconstruct


def reconstruct(*args, **kwargs):
    torch.set_grad_enabled(False)
    result = right(*args, **kwargs)
    return result
