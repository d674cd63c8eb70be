"""The dtype of the parameters is not looked at."""

FAILS = {"mixture_sample"}
HINT = "dtype is another one"


@torch.no_grad()
def mixture_sample(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)
    eps = torch.randn(n, self.loc.shape[1], generator=generator)
    return (self.loc[c] + torch.exp(self.log_var[c] / 2) * eps).float()


MixturePrior.sample = mixture_sample
