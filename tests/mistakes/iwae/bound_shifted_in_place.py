"""The largest log weight is taken out in place."""

FAILS = {"iwae_bound"}
HINT = "changes its argument"


def iwae_bound(log_w):
    top = log_w.amax(0)
    log_w = log_w.sub_(top) if not log_w.requires_grad else log_w - top
    return torch.log(torch.exp(log_w).mean(0)) + top
