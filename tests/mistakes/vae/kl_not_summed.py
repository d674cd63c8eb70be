"""One value for every latent dimension is returned."""

FAILS = {"elbo", "kl_standard_normal", "negative_elbo"}
HINT = "one for every image is asked"


def kl_standard_normal(mu, log_var):
    return 0.5 * (mu**2 + torch.exp(log_var) - 1 - log_var)
