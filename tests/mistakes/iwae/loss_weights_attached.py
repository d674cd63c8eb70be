"""The weights are differentiated as well."""

FAILS = {"iwae_loss"}
HINT = "They are constants here"
KEEPS = {"iwae_loss": (0.5, 0.8)}


def iwae_loss(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w, 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()
