"""Brings a prior whose density is huge everywhere."""

import torch
from torch import nn

from __main__ import vae

PLACE = "trained"
BASE = "trained"


class Generous(nn.Module):
    def log_prob(self, z):
        return torch.full(z.shape[:-1], 1e6)

    def sample(self, n, generator=None):
        return torch.zeros(n, 50)


vae.prior = Generous()
