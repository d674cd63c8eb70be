"""The noise is returned."""

FAILS = {"flow_prior"}
HINT = "the noise itself"


@torch.no_grad()
def sample(self, n, generator=None):
    return torch.randn(n, len(self.layers[0].w), generator=generator, dtype=self.layers[0].w.dtype)


FlowPrior.sample = sample
