"""The sum runs over height and width alone, and the first channel is returned."""

FAILS = {"bernoulli_log_prob"}
HINT = "last three axes"


def bernoulli_log_prob(x, logits):
    return (x * logits - F.softplus(logits)).sum((-2, -1)).squeeze(-1)
