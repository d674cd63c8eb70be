"""log_w is shifted in place."""

FAILS = {"iwae_loss"}
HINT = "changes its argument"


def iwae_loss(log_w, form):
    with torch.no_grad():
        shift = log_w.amax()
        log_w -= shift
    if form == "fast":
        return -(iwae_bound(log_w) + shift).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()
