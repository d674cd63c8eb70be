"""Gradients are switched off and not on again."""

FAILS = {"mixture_sample"}
HINT = "Gradients stay switched off"


right = MixturePrior.sample


def changed(self, *args, **kwargs):
    torch.set_grad_enabled(False)
    result = right(self, *args, **kwargs)
    return result


MixturePrior.sample = changed
