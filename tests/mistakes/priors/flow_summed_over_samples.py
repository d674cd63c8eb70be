"""The samples are summed with the dimensions."""

FAILS = {"flow_prior"}
HINT = "One value for every code"


def log_prob(self, z):
    volume = 0
    for layer in self.layers:
        z, log_det = layer(z)
        volume = volume + log_det
    return (
        -0.5 * (math.log(2 * math.pi) + z**2).flatten(1).sum(-1) + volume.flatten(1).sum(-1)
        if z.dim() == 3
        else (-0.5 * (math.log(2 * math.pi) + z**2).sum(-1) + volume)
    )


FlowPrior.log_prob = log_prob
