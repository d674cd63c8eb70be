"""The graph is kept."""

FAILS = {"reconstruct"}
HINT = "torch.no_grad"


def reconstruct(model, x):
    mu, _ = model.encoder(x)
    return torch.sigmoid(model.decoder(mu))
