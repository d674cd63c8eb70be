"""A right solution with loops over components, samples and codes where the reference broadcasts, and bisection alone."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from vae import bernoulli_log_prob, gaussian_log_prob, reparameterize

LOSES = set()


class MixturePrior(nn.Module):
    """Weights by hand; all parameters random."""

    def __init__(self, num_components, latent_dim):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(num_components))
        self.loc = nn.Parameter(torch.randn(num_components, latent_dim))
        self.log_var = nn.Parameter(torch.randn(num_components, latent_dim) - 1)

    def log_prob(self, z):
        log_weights = self.logits - self.logits.logsumexp(0)
        terms = [w + gaussian_log_prob(z, m, v) for w, m, v in zip(log_weights, self.loc, self.log_var, strict=True)]
        total = terms[0]
        for term in terms[1:]:
            total = torch.logaddexp(total, term)
        return total


def mixture_sample(self, n, generator=None):
    edges = torch.softmax(self.logits, 0).cumsum(0)
    codes = []
    for _ in range(n):
        u = torch.rand((), generator=generator, dtype=edges.dtype)
        component = min(int(torch.searchsorted(edges.detach(), u)), len(edges) - 1)
        noise = torch.randn(self.loc.shape[1], generator=generator, dtype=edges.dtype)
        codes.append(self.loc[component] + torch.exp(0.5 * self.log_var[component]) * noise)
    return torch.stack(codes).detach()


MixturePrior.sample = mixture_sample


class PlanarFlow(nn.Module):
    """Everything in double precision inside; u is stored beside the value that the formula needs."""

    def __init__(self, latent_dim):
        super().__init__()
        self.u, self.w = nn.Parameter(torch.zeros(latent_dim)), nn.Parameter(torch.ones(latent_dim))
        self.b = nn.Parameter(torch.zeros(()))

    def forward(self, v):
        u, w, b, x = (t.double() for t in (self.u, self.w, self.b, v))
        along = torch.einsum("d,d->", u, w)
        gap = F.softplus(along) + 1e-15  # 1 + w·u_hat
        a = torch.einsum("...d,d->...", x, w) + b
        s = 4 * torch.sigmoid(2 * a) * torch.sigmoid(-2 * a)  # the derivative of tanh
        u_hat = u + (gap - 1 - along) * w / torch.einsum("d,d->", w, w)
        return (x + torch.einsum("d,...->...d", u_hat, torch.tanh(a))).to(v.dtype), torch.log(1 - s + s * gap).to(
            v.dtype
        )


def planar_inverse(self, y):
    u, w, b, target = self.u.double(), self.w.double(), self.b.double(), y.double()
    along = u @ w
    c = F.softplus(along) - 1
    u_hat = u + (c - along) * w / (w @ w)
    gamma = target @ w
    with torch.no_grad():
        half = float(c.abs()) + 1e-9
        s = gamma.clone()
        while half > 1e-16:
            half /= 2
            s = s + half * torch.sign(gamma - s - c * torch.tanh(s + b))
    # one step with the derivative at the root carries the gradient of the root
    slope = (1 + c * (1 - torch.tanh(s + b) ** 2)).detach().clamp_min(1e-14)
    s = s + (gamma - s - c * torch.tanh(s + b)) / slope
    return (target - torch.tanh(s + b)[..., None] * u_hat).to(y.dtype)


PlanarFlow.inverse = planar_inverse


class FlowPrior(nn.Module):
    """The density of rows."""

    def __init__(self, num_flows, latent_dim):
        super().__init__()
        self.layers = nn.ModuleList()
        for _ in range(num_flows):
            self.layers.append(PlanarFlow(latent_dim=latent_dim))

    def log_prob(self, z):
        rows, total = z.flatten(0, -2), []
        for layer in self.layers:
            rows, log_det = layer(rows)
            total.append(log_det)
        base = -0.5 * (rows.square().sum(-1) + rows.shape[-1] * math.log(2 * math.pi))
        return (base + torch.stack(total).sum(0)).unflatten(0, z.shape[:-1])

    def sample(self, n, generator=None):
        w = self.layers[0].w
        z = torch.stack([torch.randn(len(w), generator=generator, dtype=w.dtype) for _ in range(n)])
        for layer in self.layers[::-1]:
            z = layer.inverse(z).detach()
        return z


def monte_carlo_elbo(model, x, eps):
    mu, log_var = model.encoder(x)
    total, samples = 0.0, eps if eps.dim() == 3 else eps[None]
    for one in samples:
        z = reparameterize(mu, log_var, one)
        if model.prior is None:
            log_p = gaussian_log_prob(z, torch.zeros_like(z), torch.zeros_like(z))
        else:
            log_p = model.prior.log_prob(z)
        total = total + bernoulli_log_prob(x, model.decoder(z)) + log_p - gaussian_log_prob(z, mu, log_var)
    return total / len(samples)
