"""A right solution that writes squares out as matrix products, with Jacobian determinants by the lemma and roots by a
search on the monotone map itself."""

import math

import torch
from torch import nn

LOSES = set()


class MixturePrior(nn.Module):
    """(z - m)² / σ² expanded into three matrix products."""

    def __init__(self, num_components, latent_dim):
        super().__init__()
        self.logits = nn.Parameter(torch.linspace(-1, 1, num_components))
        self.loc = nn.Parameter(torch.randn(num_components, latent_dim))
        self.log_var = nn.Parameter(torch.zeros(num_components, latent_dim))

    def log_prob(self, z):
        shift = self.loc.mean(0)  # around which squares are small enough not to cancel
        precision, loc, z = torch.exp(-self.log_var), self.loc - shift, z - shift
        square = z**2 @ precision.T - 2 * z @ (precision * loc).T + (precision * loc**2).sum(-1)
        volume = self.log_var.sum(-1) + loc.shape[-1] * math.log(2 * math.pi)
        return (self.logits.log_softmax(-1) - 0.5 * (square + volume)).logsumexp(-1)


def mixture_sample(self, n, generator=None):
    with torch.no_grad():
        chosen = torch.nn.functional.one_hot(
            torch.multinomial(self.logits.softmax(-1), n, replacement=True, generator=generator), len(self.logits)
        ).to(self.loc)
        eps = torch.randn(n, self.loc.shape[1], generator=generator).to(self.loc)
        return chosen @ self.loc + chosen @ torch.exp(self.log_var / 2) * eps


MixturePrior.sample = mixture_sample


class PlanarFlow(nn.Module):
    """û from softplus(-wᵀu), in which nothing large cancels; an extra buffer."""

    def __init__(self, latent_dim):
        super().__init__()
        self.u, self.w = (nn.Parameter(torch.randn(latent_dim)) for _ in range(2))
        self.b = nn.Parameter(torch.tensor(0.1))
        self.register_buffer("floor", torch.tensor(1e-30))

    @property
    def gap(self):
        return nn.functional.softplus(self.w @ self.u) + self.floor

    @property
    def u_hat(self):
        return self.u + (nn.functional.softplus(-(self.w @ self.u)) - 1) * self.w / (self.w @ self.w)

    def forward(self, v):
        h = torch.tanh(v @ self.w[:, None] + self.b)  # (..., 1)
        return v + h * self.u_hat, torch.log(h**2 + (1 - h**2) * self.gap).squeeze(-1)


def planar_inverse(self, y):
    target = (y @ self.w).detach().double()
    w, u_hat, b = (t.detach().double() for t in (self.w, self.u_hat, self.b))
    c = w @ u_hat
    low, high = target - c.abs() - 1, target + c.abs() + 1
    for _ in range(70):
        third = (high - low) / 2 + low
        over = third + c * torch.tanh(third + b) > target
        high, low = torch.where(over, third, high), torch.where(over, low, third)
    v = y.detach() - (torch.tanh((low + high) / 2 + b)[..., None] * u_hat).to(y.dtype)
    # full Newton step in D dimensions, whose matrix is inverted by Sherman and Morrison
    value, _ = self(v)
    s = (1 - torch.tanh(v @ self.w + self.b) ** 2)[..., None].detach()
    gap = y - value
    return v + gap - s * (gap @ self.w.detach())[..., None] * u_hat.to(y.dtype) / (1 + s * c.to(y.dtype))


PlanarFlow.inverse = planar_inverse


class FlowPrior(nn.Module):
    """As the text says it."""

    def __init__(self, num_flows, latent_dim):
        super().__init__()
        self.layers = nn.ModuleList(PlanarFlow(latent_dim) for _ in range(num_flows))

    def log_prob(self, z):
        log_det = z.new_zeros(z.shape[:-1])
        for layer in self.layers:
            z, each = layer(z)
            log_det = log_det + each
        return torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1) + log_det

    @torch.no_grad()
    def sample(self, n, generator=None):
        w = self.layers[-1].w
        z = torch.randn(n, *w.shape, generator=generator, dtype=w.dtype, device=w.device)
        for layer in reversed(list(self.layers)):
            z = layer.inverse(z)
        return z


def monte_carlo_elbo(model, x, eps):
    mu, log_var = model.encoder(x)
    z = mu + torch.exp(log_var / 2) * eps
    logits = model.decoder(z)
    log_p_x = -nn.functional.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none")
    if model.prior is None:
        log_ratio = 0.5 * (log_var + eps**2 - z**2).sum(-1)
    else:
        log_q = -0.5 * (math.log(2 * math.pi) + log_var + eps**2).sum(-1)
        log_ratio = model.prior.log_prob(z) - log_q
    bound = log_p_x.flatten(-3).sum(-1) + log_ratio
    return bound.reshape(-1, len(x)).mean(0)
