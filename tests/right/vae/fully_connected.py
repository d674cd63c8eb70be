"""A right solution with the fully connected networks of Burda et al. (2016); written with plain formulas and no shared
helper."""

import numpy as np
import torch
from torch import nn

LOSES = {"architecture"}  # one of three points: encoder and decoder are not convolutional


def reparameterize(mu, log_var, eps):
    sigma = torch.exp(0.5 * log_var)
    return eps * sigma + mu


def gaussian_log_prob(z, mu, log_var):
    D = mu.size(-1)
    mahalanobis = ((z - mu).pow(2) / log_var.exp()).sum(dim=-1)
    return -0.5 * (mahalanobis + log_var.sum(dim=-1) + D * np.log(2 * np.pi))


def kl_standard_normal(mu, log_var):
    return -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp(), dim=1)


def bernoulli_log_prob(x, logits):
    loss = nn.functional.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none")
    return -loss.sum(dim=(-1, -2, -3))


def bernoulli_sample(logits, generator=None):
    with torch.no_grad():
        return torch.bernoulli(logits.sigmoid(), generator=generator)


def network(*sizes):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(inputs, outputs), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


class Encoder(nn.Module):
    def __init__(self, latent_dim):
        super().__init__()
        self.trunk = network(784, 200, 200)
        self.mu, self.log_var = nn.Linear(200, latent_dim), nn.Linear(200, latent_dim)

    def forward(self, x):
        h = torch.tanh(self.trunk(x.view(-1, 784)))
        return self.mu(h), self.log_var(h)


class Decoder(nn.Module):
    def __init__(self, latent_dim):
        super().__init__()
        self.net = network(latent_dim, 200, 200, 784)

    def forward(self, z):
        return self.net(z).view(z.shape[:-1] + (1, 28, 28))


class VAE(nn.Module):
    def __init__(self, latent_dim, prior=None):
        super().__init__()
        self.encoder = Encoder(latent_dim)
        self.decoder = Decoder(latent_dim)
        self.prior = prior
        self.latent_dim = latent_dim

    def elbo(self, x, eps):
        mu, log_var = self.encoder(x)
        z = reparameterize(mu, log_var, eps)
        logits = self.decoder(z)
        log_px = (x * nn.functional.logsigmoid(logits) + (1 - x) * nn.functional.logsigmoid(-logits)).sum((-1, -2, -3))
        if self.prior is None:
            kl = kl_standard_normal(mu, log_var)
            if eps.dim() == 3:
                log_px = log_px.mean(0)
            return log_px - kl
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
        if eps.dim() == 3:
            return (log_px - kl).mean(0)
        return log_px - kl

    def forward(self, x, reduction="mean"):
        assert isinstance(reduction, str)
        if reduction == "mean":
            return -self.elbo(x, torch.randn(x.size(0), self.latent_dim).to(x)).mean()
        if reduction == "sum":
            return -self.elbo(x, torch.randn(x.size(0), self.latent_dim).to(x)).sum()
        raise ValueError(f"unknown reduction {reduction}")

    def sample(self, n, generator=None):
        weight = self.decoder.net[0].weight if isinstance(self.decoder, Decoder) else next(self.parameters())
        with torch.no_grad():
            if self.prior is not None:
                z = self.prior.sample(n, generator=generator)
            else:
                z = torch.randn(n, self.latent_dim, generator=generator, device=weight.device, dtype=weight.dtype)
            return bernoulli_sample(self.decoder(z), generator=generator)


def train_step(model, optimizer, x):
    optimizer.zero_grad()
    model.train()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item()


def reconstruct(model, x):
    with torch.no_grad():
        mu, log_var = model.encoder(x)
        return torch.sigmoid(model.decoder(mu)).clamp(0, 1)
