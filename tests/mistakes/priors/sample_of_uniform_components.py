"""Components are drawn equally often."""

FAILS = {"mixture_sample"}
HINT = "equally often"


@torch.no_grad()
def mixture_sample(self, n, generator=None):
    c = torch.randint(len(self.logits), (n,), generator=generator)
    eps = torch.randn(n, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)
    return self.loc[c] + torch.exp(self.log_var[c] / 2) * eps


MixturePrior.sample = mixture_sample
