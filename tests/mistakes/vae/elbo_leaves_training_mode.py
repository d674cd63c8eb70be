"""The decoder is left in training mode."""

FAILS = {"elbo"}
HINT = "stay in force"


right = VAE.elbo


def changed(self, *args, **kwargs):
    result = right(self, *args, **kwargs)
    self.decoder.train()
    return result


VAE.elbo = changed
