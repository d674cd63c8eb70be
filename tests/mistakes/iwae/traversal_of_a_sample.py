"""A sample is traversed."""

FAILS = {"latent_traversal"}
HINT = "nothing is to be drawn"
ALSO = ("not a sample",)


@torch.no_grad()
def latent_traversal(model, x, dims, values):
    mu, log_var = model.encoder(x)
    mu = reparameterize(mu, log_var, torch.randn_like(mu))
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])
