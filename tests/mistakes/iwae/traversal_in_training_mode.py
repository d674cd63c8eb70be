"""The model is put into training mode for the call, and back after."""

FAILS = {"latent_traversal"}
HINT = "during the call"


right = latent_traversal


def latent_traversal(model, x, dims, values):
    modes = [(module, module.training) for module in model.modules()]
    model.train()
    result = right(model, x, dims, values)
    for module, training in modes:
        module.training = training
    return result
