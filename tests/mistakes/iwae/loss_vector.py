"""One loss for every image."""

FAILS = {"iwae_loss"}
HINT = "one number is asked"
KEEPS = {"iwae_loss": (0.4, 0.8)}


def iwae_loss(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w)
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0)
