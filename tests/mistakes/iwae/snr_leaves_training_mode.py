"""The decoder is left in training mode."""

FAILS = {"gradient_snr"}
HINT = "stay in force"


right = gradient_snr


def gradient_snr(*args, **kwargs):
    result = right(*args, **kwargs)
    args[0].decoder.train()
    return result
