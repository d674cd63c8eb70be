"""Probabilities are returned as if they were samples."""

FAILS = {"bernoulli_sample"}
HINT = "These are probabilities"
ALSO = (
    "is nothing drawn",
    "All answers are the same",
)


@torch.no_grad()
def bernoulli_sample(logits, generator=None):
    return torch.sigmoid(logits)
