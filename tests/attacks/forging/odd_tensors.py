"""Answers with tensors that hold no ordinary numbers: sparse, complex, quantised, nested, without memory, of strange types."""

import itertools

import torch

PLACE = "end"

KINDS = itertools.cycle(
    [
        lambda: torch.zeros(5, 3).to_sparse(),
        lambda: torch.zeros(5, 3, dtype=torch.complex128).conj(),
        lambda: torch.quantize_per_tensor(torch.zeros(5, 3), 0.1, 0, torch.qint8),
        lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
        lambda: torch.empty(5, 3, device="meta"),
        lambda: torch.zeros(5, 3, dtype=torch.float8_e4m3fn),
        lambda: torch.zeros(0, 3),
        lambda: torch.zeros(1).expand(5, 3, 1),
        lambda: torch.zeros((1,) * 40),
        lambda: torch.zeros(5, 3).to_mkldnn(),
        lambda: torch.tensor(True),
    ]
)


def answer(*args):
    return next(KINDS)()


reparameterize = gaussian_log_prob = kl_standard_normal = answer
