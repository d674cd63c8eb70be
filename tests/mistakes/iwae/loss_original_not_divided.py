"""The scaled weights are not divided by their sum."""

FAILS = {"iwae_loss"}
HINT = "not divided by their sum"


def iwae_loss(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()
