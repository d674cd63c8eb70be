"""The variance of q(z|x) is added."""

FAILS = {"active_units"}
HINT = "variance of samples"
KEEPS = {"active_units": (0.2, 0.5)}


@torch.no_grad()
def active_units(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = mu.var(0) + torch.exp(log_var).mean(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic
