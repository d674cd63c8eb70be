"""Models that only exercises of iwae are asked with; see suite/toys.py."""

import torch
from torch import nn


class FixedEncoder(nn.Module):
    """Answers the same two tensors for every image, its parameters, so that writing into the answer shows."""

    def __init__(self, mu, log_var):
        super().__init__()
        self.mu, self.log_var = nn.Parameter(mu), nn.Parameter(log_var)

    def forward(self, x):
        return self.mu, self.log_var


class ScriptedDecoder(nn.Module):
    """Ignores the code: the n-th row that it ever decodes gets the n-th row of a table as its logits, then the last."""

    table: torch.Tensor

    def __init__(self, table, shape):
        super().__init__()
        self.register_buffer("table", table)
        self.shape, self.decoded = tuple(shape), 0

    def forward(self, z):
        rows = torch.arange(self.decoded, self.decoded + z[..., 0].numel(), device=z.device)
        self.decoded += len(rows)
        return self.table[rows.clamp_max(len(self.table) - 1)].reshape(*z.shape[:-1], *self.shape)


class ShiftedEncoder(nn.Module):
    """An encoder behind a vector that is added to the pixels, so that its first parameter is no matrix."""

    def __init__(self, shift, encoder):
        super().__init__()
        self.shift, self.encoder = nn.Parameter(shift), encoder

    def forward(self, x):
        return self.encoder(x + self.shift.reshape(x.shape[1:]))
