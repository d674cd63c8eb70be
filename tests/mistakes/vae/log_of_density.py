"""The density is computed, and its logarithm taken after."""

FAILS = {"gaussian_log_prob"}
HINT = "density is computed first"


def gaussian_log_prob(z, mu, log_var):
    scale = torch.exp(log_var / 2)
    density = torch.exp(-0.5 * ((z - mu) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
    return torch.log(density.prod(-1))
