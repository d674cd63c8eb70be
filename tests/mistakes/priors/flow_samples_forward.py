"""Noise is run forward through the layers."""

FAILS = {"flow_prior"}
HINT = "run forward"
KEEPS = {"flow_prior": (0.6, 0.85)}


@torch.no_grad()
def sample(self, n, generator=None):
    z = torch.randn(n, len(self.layers[0].w), generator=generator, dtype=self.layers[0].w.dtype)
    for layer in self.layers:
        z, _ = layer(z)
    return z


FlowPrior.sample = sample
