"""Pixels are thresholded at one half instead of drawn."""

FAILS = {"bernoulli_sample"}
HINT = "those of a threshold"


def bernoulli_sample(logits, generator=None):
    return (logits > 0).to(logits.dtype)
