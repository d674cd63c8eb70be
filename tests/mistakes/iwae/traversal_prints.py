"""It prints."""

FAILS = {"latent_traversal"}
HINT = "Remove print calls"


@torch.no_grad()
def latent_traversal(model, x, dims, values):
    mu, log_var = model.encoder(x)
    print(len(dims))
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])
