"""Logits are returned."""

FAILS = {"reconstruct"}
HINT = "These are logits"


@torch.no_grad()
def reconstruct(model, x):
    mu, _ = model.encoder(x)
    return model.decoder(mu)
