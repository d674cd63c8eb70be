"""The model is put into evaluation mode and left there."""

FAILS = {"reconstruct"}
HINT = "stay in force"


@torch.no_grad()
def reconstruct(model, x):
    model.eval()
    mu, _ = model.encoder(x)
    return torch.sigmoid(model.decoder(mu))
