"""Probabilities are clamped at 1e-5, so a confident error costs 11.5 nats instead of what it should."""

FAILS = {"bernoulli_log_prob"}
HINT = "clamped at 1e-5"


def bernoulli_log_prob(x, logits):
    theta = torch.sigmoid(logits).clamp(1e-5, 1 - 1e-5)
    return (x * torch.log(theta) + (1 - x) * torch.log(1 - theta)).sum((-3, -2, -1))
