"""A print from debugging is left in."""

FAILS = {"bernoulli_sample"}
HINT = "Remove print calls"


@torch.no_grad()
def bernoulli_sample(logits, generator=None):
    noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
    print("sampling", tuple(logits.shape))
    return (noise < torch.sigmoid(logits)).to(logits.dtype)
