"""torch.sum without an axis: one number for the whole batch (nvae issue 3)."""

FAILS = {"kl_standard_normal"}
HINT = "whole batch is summed"


def kl_standard_normal(mu, log_var):
    return 0.5 * torch.sum(mu**2 + torch.exp(log_var) - 1 - log_var)
