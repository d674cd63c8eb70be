"""The generator is not handed on."""

FAILS = {"flow_prior"}
HINT = "Hand the generator"


@torch.no_grad()
def sample(self, n, generator=None):
    z = torch.randn(n, len(self.layers[0].w), dtype=self.layers[0].w.dtype)
    for layer in reversed(self.layers):
        z = layer.inverse(z)
    return z


FlowPrior.sample = sample
