"""Everything behind the first axis is summed: right for (B, 1, 28, 28), wrong with K samples in front."""

FAILS = {"bernoulli_log_prob", "elbo"}
HINT = "last three axes"


def bernoulli_log_prob(x, logits):
    return (x * logits - F.softplus(logits)).flatten(1).sum(1)
