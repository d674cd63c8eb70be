"""The variances of batches are averaged."""

FAILS = {"active_units"}
HINT = "take all posterior means together"
KEEPS = {"active_units": (0.7, 0.9)}


@torch.no_grad()
def active_units(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = torch.stack([part.var(0) for part in mu.split(100) if len(part) > 1]).mean(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic
