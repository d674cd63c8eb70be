"""The means of batches are averaged."""

FAILS = {"active_units"}
HINT = "last batch is smaller"


@torch.no_grad()
def active_units(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = torch.stack(
            [part.mean(0) for part in kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).split(100)]
        ).mean(0)
    elif rule == "variance":
        statistic = mu.var(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic
