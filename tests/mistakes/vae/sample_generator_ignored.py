"""The generator is accepted and not used."""

FAILS = {"bernoulli_sample"}
HINT = "Hand the generator"


@torch.no_grad()
def bernoulli_sample(logits, generator=None):
    return torch.bernoulli(torch.sigmoid(logits))
