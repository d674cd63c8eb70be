"""A straight-through gradient is added to the sample."""

FAILS = {"bernoulli_sample"}
HINT = "torch.no_grad"


def bernoulli_sample(logits, generator=None):
    theta = torch.sigmoid(logits)
    noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
    return (noise < theta).to(logits.dtype) + theta - theta.detach()
