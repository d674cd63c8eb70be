"""The divergence is computed without a graph, so nothing pulls q towards the prior."""

FAILS = {"kl_standard_normal"}
HINT = "Something cuts the graph"


@torch.no_grad()
def kl_standard_normal(mu, log_var):
    return 0.5 * (mu**2 + torch.exp(log_var) - 1 - log_var).sum(-1)
