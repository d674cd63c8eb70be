"""The layers are run forward at z, with the formula of a flow that makes z out of noise."""

FAILS = {"flow_prior"}
HINT = "Which way do your layers go"
KEEPS = {"flow_prior": (0.4, 0.7)}


def log_prob(self, z):
    base, volume = -0.5 * (math.log(2 * math.pi) + z**2).sum(-1), 0
    for layer in self.layers:
        z, log_det = layer(z)
        volume = volume + log_det
    return base - volume


FlowPrior.log_prob = log_prob
