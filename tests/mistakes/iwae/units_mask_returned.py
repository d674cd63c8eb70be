"""The mask of active dimensions is returned in place of the statistic."""

FAILS = {"active_units"}
HINT = "stand where the values themselves are asked"


@torch.no_grad()
def active_units(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = mu.var(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic > threshold
