"""The log weights are cut from the graph in place of the weights."""

FAILS = {"iwae_loss"}
HINT = "just the other way round"
ALSO = ("cuts the graph",)


def iwae_loss(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form in ("normalized", "original"):
        weights = torch.softmax(log_w, 0)
    else:
        raise ValueError(form)
    return -(weights * log_w.detach()).sum(0).mean()
