"""The variance is detached inside the density."""

FAILS = {"gaussian_log_prob"}
HINT = "Something cuts the graph"


def gaussian_log_prob(z, mu, log_var):
    precision = torch.exp(-log_var.detach())
    return -0.5 * (math.log(2 * math.pi) + log_var.detach() + (z - mu) ** 2 * precision).sum(-1)
