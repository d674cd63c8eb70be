"""A squared error is called a Bernoulli log-probability."""

FAILS = {"bernoulli_log_prob"}
HINT = "squared error"


def bernoulli_log_prob(x, logits):
    return -((x - torch.sigmoid(logits)) ** 2).sum((-3, -2, -1))
