"""The model is put into training mode for the call, and back into evaluation mode after."""

FAILS = {"reconstruct"}
HINT = "during the call"


right = reconstruct


def reconstruct(model, x):
    modes = [(module, module.training) for module in model.modules()]
    model.train()
    result = right(model, x)
    for module, training in modes:
        module.training = training
    return result
