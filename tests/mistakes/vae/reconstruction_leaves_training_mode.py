"""The decoder is left in training mode."""

FAILS = {"reconstruct"}
HINT = "stay in force"


right = reconstruct


def reconstruct(*args, **kwargs):
    result = right(*args, **kwargs)
    args[0].decoder.train()
    return result
