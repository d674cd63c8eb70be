"""The result of the comparison is returned as booleans."""

FAILS = {"bernoulli_sample"}
HINT = "dtype"


@torch.no_grad()
def bernoulli_sample(logits, generator=None):
    noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
    return noise < torch.sigmoid(logits)
