"""The comparison with the uniform noise is the wrong way round."""

FAILS = {"bernoulli_sample"}
HINT = "wrong way round"


@torch.no_grad()
def bernoulli_sample(logits, generator=None):
    noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
    return (noise > torch.sigmoid(logits)).to(logits.dtype)
