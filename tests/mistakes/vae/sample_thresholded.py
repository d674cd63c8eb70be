"""Pixels are thresholded at one half instead of drawn."""

FAILS = {"bernoulli_sample"}
HINT = "those of a threshold"
ALSO = (
    "is nothing drawn",
    "All answers are the same",
)


def bernoulli_sample(logits, generator=None):
    return (logits > 0).to(logits.dtype)
