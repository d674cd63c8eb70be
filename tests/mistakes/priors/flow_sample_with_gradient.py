"""The codes carry a graph to the parameters."""

FAILS = {"flow_prior"}
HINT = "torch.no_grad"


def sample(self, n, generator=None):
    z = torch.randn(n, len(self.layers[0].w), generator=generator, dtype=self.layers[0].w.dtype)
    for layer in reversed(self.layers):
        z = layer.inverse(z)
    return z


FlowPrior.sample = sample
