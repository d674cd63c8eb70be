"""The two results of the encoder are taken in the wrong order."""

FAILS = {"reconstruct"}
HINT = "order of what the encoder returns"


@torch.no_grad()
def reconstruct(model, x):
    _, mu = model.encoder(x)
    return torch.sigmoid(model.decoder(mu))
