"""D log 2π is added in every dimension and then summed again: an error of D (D - 1) / 2 log 2π."""

FAILS = {"gaussian_log_prob"}
HINT = "added in every dimension"


def gaussian_log_prob(z, mu, log_var):
    constant = z.shape[-1] * math.log(2 * math.pi)
    return -0.5 * (constant + log_var + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)
