"""The bound is returned."""

FAILS = {"iwae_loss"}
HINT = "not its negative"
ALSO = (
    "wrong sign",
    "opposite sign",
)


def iwae_loss(log_w, form):
    if form == "fast":
        return iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return (weights * log_w).sum(0).mean()
