"""All components are drawn with standard deviation one."""

FAILS = {"mixture_sample"}
HINT = "the same width"


@torch.no_grad()
def mixture_sample(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)
    return self.loc[c] + torch.randn(n, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)


MixturePrior.sample = mixture_sample
