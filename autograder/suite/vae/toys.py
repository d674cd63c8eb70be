"""Models that only exercises of vae are asked with; see suite/toys.py."""

from torch import nn


class QuadraticLoss(nn.Module):
    """A model whose loss and gradient are known, and that shows when it was not put into training mode."""

    def __init__(self, weight):
        super().__init__()
        self.weight, self.child = nn.Parameter(weight), nn.Dropout(0.0)

    def forward(self, x):
        loss = 0.5 * ((self.weight - x.flatten(1).mean(0)) ** 2).sum()
        return loss if self.training and self.child.training else loss + self.weight.sum()


class NormalizedLoss(nn.Module):
    """The loss ½ Σ (weight − mean of x)² of a model that counts, in a batch norm, how often it was called in training mode."""

    def __init__(self, weight):
        super().__init__()
        self.weight, self.norm = nn.Parameter(weight), nn.BatchNorm1d(len(weight), affine=False, dtype=weight.dtype)

    def forward(self, x):
        pixels = x.flatten(1)
        self.norm(pixels)
        return 0.5 * ((self.weight - pixels.mean(0)) ** 2).sum()
