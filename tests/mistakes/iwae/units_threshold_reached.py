"""A dimension counts where its statistic reaches the threshold."""

FAILS = {"active_units"}
HINT = "exceeds"


right = active_units


def active_units(model, x, rule, threshold=0.01):
    _, statistic = right(model, x, rule, threshold)
    return int((statistic >= threshold).sum()), statistic
