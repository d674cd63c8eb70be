"""The decoder is left in training mode."""

FAILS = {"sample"}
HINT = "stay in force"


right = VAE.sample


def changed(self, *args, **kwargs):
    result = right(self, *args, **kwargs)
    self.decoder.train()
    return result


VAE.sample = changed
