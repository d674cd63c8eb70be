"""The decoder stays in evaluation mode."""

FAILS = {"latent_traversal"}
HINT = "stay in force"


@torch.no_grad()
def latent_traversal(model, x, dims, values):
    mu, log_var = model.encoder(x)
    model.decoder.eval()
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])
