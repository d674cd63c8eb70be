"""log K is missing."""

FAILS = {"iwae_loss"}
HINT = "log K is missing"


def iwae_loss(log_w, form):
    if form == "fast":
        return -torch.logsumexp(log_w, 0).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()
