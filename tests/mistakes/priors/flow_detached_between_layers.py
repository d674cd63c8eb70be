"""The graph is cut between the layers."""

FAILS = {"flow_prior"}
HINT = "cuts the graph"


def log_prob(self, z):
    volume = 0
    for layer in self.layers:
        z, log_det = layer(z.detach())
        volume = volume + log_det
    return -0.5 * (math.log(2 * math.pi) + z**2).sum(-1) + volume


FlowPrior.log_prob = log_prob
