"""Each rule is the other."""

FAILS = {"active_units"}
HINT = 'rule "variance"'
ALSO = ('rule "kl"',)


@torch.no_grad()
def active_units(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = mu.var(0)
    elif rule == "variance":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic
