"""A print from debugging is left in."""

FAILS = {"bernoulli_log_prob"}
HINT = "Remove print calls"


def bernoulli_log_prob(x, logits):
    print(logits.min(), logits.max())
    return (x * logits - F.softplus(logits)).sum((-3, -2, -1))
