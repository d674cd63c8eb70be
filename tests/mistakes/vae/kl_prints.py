"""A print from debugging is left in."""

FAILS = {"kl_standard_normal"}
HINT = "Remove print calls"


def kl_standard_normal(mu, log_var):
    kl = 0.5 * (mu**2 + torch.exp(log_var) - 1 - log_var).sum(-1)
    print("KL", kl.mean().item())
    return kl
