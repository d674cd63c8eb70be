"""The cross-entropy is returned, not the log-probability."""

FAILS = {"bernoulli_log_prob"}
HINT = "this is the cross-entropy"


def bernoulli_log_prob(x, logits):
    return (F.softplus(logits) - x * logits).sum((-3, -2, -1))
