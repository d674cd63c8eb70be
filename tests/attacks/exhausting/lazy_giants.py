"""Answers with tensors that take no memory here and terabytes there, and with containers that never end."""

import itertools

import torch

PLACE = "kl_standard_normal"


class Endless(list):
    def __iter__(self):
        return itertools.repeat(1.0)

    def __len__(self):
        return 2**60


loop = []
loop.append(loop)
KINDS = itertools.cycle(
    [
        lambda: torch.ones(1).expand(2**50),
        lambda: torch.ones(1).expand(2**23, 2),
        lambda: Endless(),
        lambda: itertools.repeat(1.0),
        lambda: loop,
        lambda: [[1.0] * 1000] * 1000,
        lambda: "x" * 2**26,
        lambda: {str(number): [number] for number in range(200_000)},
        lambda: torch.zeros(2**24, dtype=torch.uint8),
    ]
)


def kl_standard_normal(mu, log_var):
    return next(KINDS)()
