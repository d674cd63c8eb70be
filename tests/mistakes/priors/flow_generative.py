"""A right density of a flow of the other direction: layers map noise to z."""

FAILS = {"flow_prior"}
HINT = "map z to noise"
KEEPS = {"flow_prior": (0.5, 0.9)}


def log_prob(self, z):
    volume = 0
    for layer in reversed(self.layers):
        z = layer.inverse(z)
        volume = volume + layer(z)[1]
    return -0.5 * (math.log(2 * math.pi) + z**2).sum(-1) - volume


FlowPrior.log_prob = log_prob
