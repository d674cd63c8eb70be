"""Gradients are switched off and not on again."""

FAILS = {"sample"}
HINT = "Gradients stay switched off"


right = VAE.sample


def changed(self, *args, **kwargs):
    torch.set_grad_enabled(False)
    result = right(self, *args, **kwargs)
    return result


VAE.sample = changed
