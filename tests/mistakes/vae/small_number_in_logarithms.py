"""1e-8 is put inside the logarithms: no help in float32, where 1 - 1e-8 rounds to 1, and a floor in float64."""

FAILS = {"bernoulli_log_prob"}
HINT = ""


def bernoulli_log_prob(x, logits):
    theta = torch.sigmoid(logits)
    return (x * torch.log(theta + 1e-8) + (1 - x) * torch.log(1 - theta + 1e-8)).sum((-3, -2, -1))
