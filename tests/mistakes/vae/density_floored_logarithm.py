"""A small number in the logarithm of the density keeps it finite."""

FAILS = {"gaussian_log_prob"}
HINT = "far from the mean"


def gaussian_log_prob(z, mu, log_var):
    scale = torch.exp(log_var / 2)
    density = torch.exp(-0.5 * ((z - mu) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
    return torch.log(density + 1e-300).sum(-1)
