"""One noise is drawn for all dimensions of a code."""

FAILS = {"mixture_sample"}
HINT = "noise of its own"


@torch.no_grad()
def mixture_sample(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)
    eps = torch.randn(n, 1, generator=generator, dtype=self.loc.dtype)
    return self.loc[c] + torch.exp(self.log_var[c] / 2) * eps


MixturePrior.sample = mixture_sample
