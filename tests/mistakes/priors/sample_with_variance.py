"""The noise is scaled by the variance."""

FAILS = {"mixture_sample"}
HINT = "scaled by the variance"
KEEPS = {"mixture_sample": (0.5, 0.8)}


@torch.no_grad()
def mixture_sample(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)
    eps = torch.randn(n, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)
    return self.loc[c] + torch.exp(self.log_var[c]) * eps


MixturePrior.sample = mixture_sample
