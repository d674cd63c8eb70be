"""The fast form averages the logarithms."""

FAILS = {"iwae_loss"}
HINT = "negative ELBO"
ALSO = ("gradient of the ELBO",)


def iwae_loss(log_w, form):
    if form == "fast":
        return -log_w.mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()
