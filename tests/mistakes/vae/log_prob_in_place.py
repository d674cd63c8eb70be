"""Logits are multiplied in place: the caller's logits are overwritten."""

FAILS = {"bernoulli_log_prob"}
HINT = "ends in an underscore"


def bernoulli_log_prob(x, logits):
    normaliser = F.softplus(logits).sum((-3, -2, -1))
    if not logits.requires_grad:
        logits *= x
        return logits.sum((-3, -2, -1)) - normaliser
    return (x * logits).sum((-3, -2, -1)) - normaliser
