"""F.binary_cross_entropy on probabilities: its logarithms stop at -100."""

FAILS = {"bernoulli_log_prob"}
HINT = "floors each logarithm"


def bernoulli_log_prob(x, logits):
    theta = torch.sigmoid(logits)
    return -F.binary_cross_entropy(theta, x.expand(theta.shape), reduction="none").sum((-3, -2, -1))
