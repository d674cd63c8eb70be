"""log_var stands where log σ belongs, beside (z - μ)² / σ²."""

FAILS = {"gaussian_log_prob"}
HINT = "logarithm of the standard deviation"


def gaussian_log_prob(z, mu, log_var):
    return -(0.5 * math.log(2 * math.pi) + log_var + 0.5 * (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)
