"""The density of the noise is computed, and its logarithm taken after."""

FAILS = {"flow_prior"}
HINT = "density is computed first"


def log_prob(self, z):
    volume = 0.0
    for layer in self.layers:
        z, log_det = layer(z)
        volume = volume + log_det
    density = torch.exp(-0.5 * (z**2).sum(-1)) / (2 * math.pi) ** (z.shape[-1] / 2)
    return torch.log(density) + volume


FlowPrior.log_prob = log_prob
