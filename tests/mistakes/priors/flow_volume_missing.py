"""The change of volume is forgotten."""

FAILS = {"flow_prior"}
HINT = "change of volume is missing"


def log_prob(self, z):
    for layer in self.layers:
        z, _ = layer(z)
    return -0.5 * (math.log(2 * math.pi) + z**2).sum(-1)


FlowPrior.log_prob = log_prob
