"""The layers are undone from the first to the last."""

FAILS = {"flow_prior"}
HINT = "wrong order"


@torch.no_grad()
def sample(self, n, generator=None):
    z = torch.randn(n, len(self.layers[0].w), generator=generator, dtype=self.layers[0].w.dtype)
    for layer in self.layers:
        z = layer.inverse(z)
    return z


FlowPrior.sample = sample
