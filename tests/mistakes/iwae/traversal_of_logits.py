"""Logits are returned."""

FAILS = {"latent_traversal"}
HINT = "These are logits"
KEEPS = {"latent_traversal": (0.1, 0.5)}


@torch.no_grad()
def latent_traversal(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(model.decoder(z))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])
