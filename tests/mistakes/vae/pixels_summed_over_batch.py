"""torch.sum without axes: one number for the whole batch."""

FAILS = {"bernoulli_log_prob"}
HINT = "whole batch is summed"


def bernoulli_log_prob(x, logits):
    return (x * logits - F.softplus(logits)).sum()
