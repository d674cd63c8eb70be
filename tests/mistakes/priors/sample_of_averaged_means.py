"""Each code is drawn around the weighted average of the components."""

FAILS = {"mixture_sample"}
HINT = "components are averaged"


@torch.no_grad()
def mixture_sample(self, n, generator=None):
    weights = torch.softmax(self.logits, -1).detach()
    eps = torch.randn(n, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)
    return weights @ self.loc + torch.exp(weights @ self.log_var / 2) * eps


MixturePrior.sample = mixture_sample
