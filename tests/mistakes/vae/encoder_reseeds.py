"""A fixed seed is set in every call of the encoder."""

FAILS = {"encoder"}
HINT = "draws and seeds nothing"


right = Encoder.forward


def changed(self, *args, **kwargs):
    torch.manual_seed(0)
    result = right(self, *args, **kwargs)
    return result


Encoder.forward = changed
