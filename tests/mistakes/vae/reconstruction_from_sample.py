"""A sample of q(z|x) is decoded instead of its mean."""

FAILS = {"reconstruct"}
HINT = "nothing is to be drawn"
ALSO = ("not a sample",)


@torch.no_grad()
def reconstruct(model, x):
    mu, log_var = model.encoder(x)
    return torch.sigmoid(model.decoder(reparameterize(mu, log_var, torch.randn_like(mu))))
