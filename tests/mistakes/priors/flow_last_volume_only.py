"""Each layer's volume replaces the one before."""

FAILS = {"flow_prior"}
HINT = "their logarithms add"


def log_prob(self, z):
    for layer in self.layers:
        z, volume = layer(z)
    return -0.5 * (math.log(2 * math.pi) + z**2).sum(-1) + volume


FlowPrior.log_prob = log_prob
