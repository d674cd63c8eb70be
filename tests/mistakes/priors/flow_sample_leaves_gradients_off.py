"""Gradients are switched off and not on again."""

FAILS = {"flow_prior"}
HINT = "Gradients stay switched off"


right = FlowPrior.sample


def changed(self, *args, **kwargs):
    torch.set_grad_enabled(False)
    result = right(self, *args, **kwargs)
    return result


FlowPrior.sample = changed
