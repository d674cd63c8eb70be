"""Only the pixels that are 1 contribute."""

FAILS = {"bernoulli_log_prob"}
HINT = "Only the pixels that are 1"


def bernoulli_log_prob(x, logits):
    return (x * F.logsigmoid(logits)).sum((-3, -2, -1))
