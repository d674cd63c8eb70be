"""Any other form is the original one."""

FAILS = {"iwae_loss"}
HINT = "must not go unnoticed"


def iwae_loss(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        weights = torch.softmax(log_w.detach(), 0)
    return -(weights * log_w).sum(0).mean()
