"""Means are rounded to zeros and ones."""

FAILS = {"reconstruct"}
HINT = "probabilities between 0 and 1"


@torch.no_grad()
def reconstruct(model, x):
    mu, _ = model.encoder(x)
    return (model.decoder(mu) > 0).to(x.dtype)
