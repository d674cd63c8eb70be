"""All images stand in one row."""

FAILS = {"latent_traversal"}
HINT = "One row of images"


@torch.no_grad()
def latent_traversal(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows)
