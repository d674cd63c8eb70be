"""The decoder is left in training mode."""

FAILS = {"latent_traversal"}
HINT = "stay in force"


right = latent_traversal


def latent_traversal(*args, **kwargs):
    result = right(*args, **kwargs)
    args[0].decoder.train()
    return result
