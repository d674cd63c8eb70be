"""The model is left in training mode."""

FAILS = {"negative_elbo"}
HINT = "stay in force"


right = VAE.forward


def changed(self, *args, **kwargs):
    self.train()
    result = right(self, *args, **kwargs)
    return result


VAE.forward = changed
