"""Gradients are switched off after the step."""

FAILS = {"train_step"}
HINT = "Gradients stay switched off"


right = train_step


def train_step(*args, **kwargs):
    result = right(*args, **kwargs)
    torch.set_grad_enabled(False)
    return result
