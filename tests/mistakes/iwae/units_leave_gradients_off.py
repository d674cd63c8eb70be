"""Gradients are switched off and not on again."""

FAILS = {"active_units"}
HINT = "Gradients stay switched off"


right = active_units


def active_units(*args, **kwargs):
    torch.set_grad_enabled(False)
    result = right(*args, **kwargs)
    return result
