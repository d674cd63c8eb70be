"""The original form exponentiates the log weights as they come."""

FAILS = {"iwae_loss"}
HINT = "Look for log(0)"


def iwae_loss(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        weights = torch.exp(log_w.detach()) / torch.exp(log_w.detach()).sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()
