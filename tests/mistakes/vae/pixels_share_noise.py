"""One uniform number is drawn for each image, not for each pixel."""

FAILS = {"bernoulli_sample"}
HINT = "same random number"


@torch.no_grad()
def bernoulli_sample(logits, generator=None):
    shape = (*logits.shape[:-3], 1, 1, 1)
    noise = torch.rand(shape, generator=generator, dtype=logits.dtype, device=logits.device)
    return (noise < torch.sigmoid(logits)).to(logits.dtype)
