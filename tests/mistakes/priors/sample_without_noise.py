"""The means of the components are returned."""

FAILS = {"mixture_sample"}
HINT = "where is the noise"
ALSO = ("is nothing drawn",)


@torch.no_grad()
def mixture_sample(self, n, generator=None):
    return self.loc[torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)]


MixturePrior.sample = mixture_sample
