"""Every noise is used twice, with both signs."""

FAILS = {"mixture_sample"}
HINT = "noise of its own"


@torch.no_grad()
def mixture_sample(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)
    half = torch.randn((n + 1) // 2, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)
    return self.loc[c] + torch.exp(self.log_var[c] / 2) * torch.stack([half, -half], 1).flatten(0, 1)[:n]


MixturePrior.sample = mixture_sample
