"""The sample is detached, as by Normal.sample instead of rsample (pytorch issue 7705)."""

FAILS = {"reparameterize"}
HINT = "Something cuts the graph"


def reparameterize(mu, log_var, eps):
    return (mu + torch.exp(log_var / 2) * eps).detach()
