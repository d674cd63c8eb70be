"""The sigmoid is applied before a loss that takes logits."""

FAILS = {"bernoulli_log_prob"}
HINT = "sigmoid twice"


def bernoulli_log_prob(x, logits):
    theta = torch.sigmoid(logits)
    return (x * theta - F.softplus(theta)).sum((-3, -2, -1))
