"""The noise has torch's default dtype, and the answer is cast to it."""

FAILS = {"flow_prior"}
HINT = "dtype is another one"


@torch.no_grad()
def sample(self, n, generator=None):
    z = torch.randn(n, len(self.layers[0].w), generator=generator)
    for layer in reversed(self.layers):
        z = layer.inverse(z.to(layer.w.dtype))
    return z.float()


FlowPrior.sample = sample
