"""The sum runs over the first channel alone."""

FAILS = {"bernoulli_log_prob"}
HINT = "first channel"


def bernoulli_log_prob(x, logits):
    return (x * logits - F.softplus(logits)).sum((-2, -1))[..., 0]
