"""Decodes to NaN and infinities, whose likelihood is not too low."""

import torch
from torch import nn

from __main__ import vae

PLACE = "trained"
BASE = "trained"


class Unlimited(nn.Module):
    def forward(self, z):
        logits = torch.full((*z.shape[:-1], 1, 28, 28), float("nan"))
        logits[::2] = float("inf")
        return logits


vae.decoder = Unlimited()
