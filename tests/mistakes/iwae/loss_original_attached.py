"""The weights of the original form are differentiated as well."""

FAILS = {"iwae_loss"}
HINT = "They are constants here"


def iwae_loss(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        weights = torch.softmax(log_w, 0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()
