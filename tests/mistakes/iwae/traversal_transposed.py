"""Rows and columns are exchanged."""

FAILS = {"latent_traversal"}
HINT = "Rows and columns"


@torch.no_grad()
def latent_traversal(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:]).transpose(0, 1)
