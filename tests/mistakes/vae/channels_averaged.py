"""The channels are averaged."""

FAILS = {"bernoulli_log_prob"}
HINT = "channels are averaged"


def bernoulli_log_prob(x, logits):
    return (x * logits - F.softplus(logits)).sum((-2, -1)).mean(-1)
