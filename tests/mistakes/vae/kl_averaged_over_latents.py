"""The divergence is averaged over the latent dimensions (keras issue 6015, podgorskiy/VAE issue 1)."""

FAILS = {"kl_standard_normal"}
HINT = "latent dimensions are averaged"


def kl_standard_normal(mu, log_var):
    return 0.5 * (mu**2 + torch.exp(log_var) - 1 - log_var).mean(-1)
