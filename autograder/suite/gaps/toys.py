"""Models that only exercises of gaps are asked with; see suite/toys.py."""

import math

import torch
from torch import nn


class QuadraticDecoder(nn.Module):
    """The logit of the n-th pixel is -offset_n - ½ (z - a_n)ᵀ P_n (z - a_n): far below zero, where it equals log p(pixel is 1), so
    that an image with one pixel that is 1 has a Gaussian likelihood in z."""

    def __init__(self, centres, precisions, offsets, shape):
        super().__init__()
        self.centres, self.precisions = nn.Parameter(centres), nn.Parameter(precisions)
        self.offsets, self.shape = nn.Parameter(offsets), tuple(shape)

    def forward(self, z):
        off = z.unsqueeze(-2) - self.centres  # (..., N, D)
        square = ((off.unsqueeze(-2) @ self.precisions).squeeze(-2) * off).sum(-1)
        return (-self.offsets - square / 2).reshape(*z.shape[:-1], *self.shape)


class ScriptedPrior(nn.Module):
    """The density of N(mean, diag exp log_var), and samples that follow a script: the n-th code that is ever drawn is the n-th row
    of a table, which is repeated."""

    table: torch.Tensor

    def __init__(self, mean, log_var, table):
        super().__init__()
        self.mean, self.log_var, self.drawn = nn.Parameter(mean), nn.Parameter(log_var), 0
        self.register_buffer("table", table)

    def log_prob(self, z):  # written out: torch.distributions raises where a trajectory has run off to NaN
        square = (z - self.mean) ** 2 * torch.exp(-self.log_var)
        return -0.5 * (square + self.log_var + math.log(2 * math.pi)).sum(-1)

    def sample(self, n, generator=None):
        rows = torch.arange(self.drawn, self.drawn + n, device=self.table.device) % len(self.table)
        self.drawn += n
        return self.table[rows]


class Parts(nn.Module):
    """A model whose gradients are given: an encoder and a decoder that are bare lists of parameters."""

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder = nn.ParameterList(nn.Parameter(p) for p in encoder)
        self.decoder = nn.ParameterList(nn.Parameter(p) for p in decoder)
        self.prior, self.latent_dim = None, 1
