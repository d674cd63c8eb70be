"""The same from the last layer to the first, as if running forward in reversed order were inverting."""

FAILS = {"flow_prior"}
HINT = "Which way do your layers go"


def log_prob(self, z):
    base, volume = -0.5 * (math.log(2 * math.pi) + z**2).sum(-1), 0
    for layer in reversed(self.layers):
        z, _ = layer(z)
        volume = volume + layer(z)[1]
    return base - volume


FlowPrior.log_prob = log_prob
