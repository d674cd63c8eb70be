"""Small models whose answers the hidden suites know exactly; `oracles.AffineModel` says what they answer.

They live in the student's kernel: this file and each assignment's own `toys.py` are sent there as source, executed one after the
other, and so import nothing of this package. `student.build("AffineDecoder", ...)` builds one.
"""

import torch
from torch import nn


class AffineEncoder(nn.Module):
    """mu and log_var as affine functions of the pixels."""

    def __init__(self, weight_mu, bias_mu, weight_log_var, bias_log_var):
        super().__init__()
        self.weight_mu, self.bias_mu = nn.Parameter(weight_mu), nn.Parameter(bias_mu)
        self.weight_log_var, self.bias_log_var = nn.Parameter(weight_log_var), nn.Parameter(bias_log_var)

    def forward(self, x):
        pixels = x.flatten(1)
        return pixels @ self.weight_mu.T + self.bias_mu, pixels @ self.weight_log_var.T + self.bias_log_var


class AffineDecoder(nn.Module):
    """Logits as an affine function of the code, for any number of leading axes."""

    def __init__(self, weight, bias, shape):
        super().__init__()
        self.weight, self.bias, self.shape = nn.Parameter(weight), nn.Parameter(bias), tuple(shape)

    def forward(self, z):
        return (z @ self.weight.T + self.bias).reshape(*z.shape[:-1], *self.shape)


class GaussianPrior(nn.Module):
    """A diagonal normal prior N(mean, exp log_var)."""

    def __init__(self, mean, log_var):
        super().__init__()
        self.mean, self.log_var = nn.Parameter(mean), nn.Parameter(log_var)

    def log_prob(self, z):
        return torch.distributions.Normal(self.mean, torch.exp(self.log_var / 2)).log_prob(z).sum(-1)

    def sample(self, n, generator=None):
        noise = torch.randn(n, len(self.mean), generator=generator, dtype=self.mean.dtype, device=self.mean.device)
        return self.mean + torch.exp(self.log_var / 2) * noise


class Model(nn.Module):
    """Encoder, decoder and prior, and nothing else."""

    def __init__(self, encoder, decoder, prior=None, *, latent_dim):
        super().__init__()
        self.encoder, self.decoder, self.prior, self.latent_dim = encoder, decoder, prior, latent_dim


class Sensitive(nn.Module):
    """A part behind batch normalisation and dropout, which in evaluation mode change nothing at all."""

    def __init__(self, part, size):
        super().__init__()
        dtype = next(part.parameters()).dtype
        self.part, self.size, self.dropout = part, size, nn.Dropout(0.5)
        self.norm = nn.BatchNorm1d(size, affine=False, dtype=dtype)
        self.norm.get_buffer("running_var").fill_(1 - self.norm.eps)

    def forward(self, values):
        rows = values.reshape(-1, self.size)
        rows = rows if self.training and len(rows) == 1 else self.norm(rows)  # of one row there is no batch statistic
        return self.part(self.dropout(rows).reshape(values.shape))
