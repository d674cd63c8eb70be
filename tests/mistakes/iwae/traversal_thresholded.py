"""The images are binary."""

FAILS = {"latent_traversal"}
HINT = "Bernoulli means are asked"


@torch.no_grad()
def latent_traversal(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append((model.decoder(z) > 0).to(x.dtype))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])
