"""Gradients are switched off and not on again."""

FAILS = {"latent_traversal"}
HINT = "Gradients stay switched off"


right = latent_traversal


def latent_traversal(*args, **kwargs):
    torch.set_grad_enabled(False)
    result = right(*args, **kwargs)
    return result
