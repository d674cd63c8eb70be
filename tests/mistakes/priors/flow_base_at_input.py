"""The base density is taken at z (as in a library's early version)."""

FAILS = {"flow_prior"}
HINT = "it belongs to the noise"


def log_prob(self, z):
    base, volume = -0.5 * (math.log(2 * math.pi) + z**2).sum(-1), 0
    for layer in self.layers:
        z, log_det = layer(z)
        volume = volume + log_det
    return base + volume


FlowPrior.log_prob = log_prob
