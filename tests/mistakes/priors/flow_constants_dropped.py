"""The constant of the base density is left out."""

FAILS = {"flow_prior"}
HINT = "log 2π is missing"


def log_prob(self, z):
    volume = 0
    for layer in self.layers:
        z, log_det = layer(z)
        volume = volume + log_det
    return -0.5 * (z**2).sum(-1) + volume


FlowPrior.log_prob = log_prob
