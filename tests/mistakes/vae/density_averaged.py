"""The log-density is averaged over the latent dimensions."""

FAILS = {"gaussian_log_prob"}
HINT = "dimensions are averaged"


def gaussian_log_prob(z, mu, log_var):
    return -0.5 * (math.log(2 * math.pi) + log_var + (z - mu) ** 2 * torch.exp(-log_var)).mean(-1)
