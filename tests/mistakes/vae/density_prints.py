"""A print from debugging is left in."""

FAILS = {"gaussian_log_prob"}
HINT = "Remove print calls"


def gaussian_log_prob(z, mu, log_var):
    print("z", z.shape)
    return -0.5 * (math.log(2 * math.pi) + log_var + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)
