"""A small number is added to the variance."""

FAILS = {"gaussian_log_prob"}
HINT = "small number is added"


def gaussian_log_prob(z, mu, log_var):
    variance = torch.exp(log_var) + 1e-6
    return -0.5 * (math.log(2 * math.pi) + torch.log(variance) + (z - mu) ** 2 / variance).sum(-1)
