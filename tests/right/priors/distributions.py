"""A right solution on torch.distributions, with Newton steps kept in a bracket and an autograd.Function for the root."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Bernoulli, Categorical, Independent, MixtureSameFamily, Normal

LOSES = set()


def normal(loc, log_var):
    return Independent(Normal(loc, log_var.mul(0.5).exp()), 1)


class MixturePrior(nn.Module):
    """Components that start at different widths."""

    def __init__(self, num_components, latent_dim):
        super().__init__()
        self.logits = nn.Parameter(torch.randn(num_components))
        self.loc = nn.Parameter(torch.zeros(num_components, latent_dim))
        self.log_var = nn.Parameter(torch.randn(num_components, latent_dim))

    def log_prob(self, z):
        return MixtureSameFamily(Categorical(logits=self.logits), normal(self.loc, self.log_var)).log_prob(z)


def mixture_sample(self, n, generator=None):
    # the largest of logit + Gumbel noise is a component drawn by its weight
    uniform = torch.rand(n, len(self.logits), generator=generator, dtype=self.logits.dtype)
    component = (self.logits - torch.log(-torch.log(uniform))).argmax(-1)
    noise = torch.randn(n, self.loc.shape[-1], generator=generator, dtype=self.loc.dtype)
    return torch.addcmul(self.loc[component], self.log_var[component].mul(0.5).exp(), noise).detach()


MixturePrior.sample = mixture_sample


class Root(torch.autograd.Function):
    """The root s of s + c tanh(s + b) = target, by Newton steps and halvings of the bracket in turn."""

    @staticmethod
    def forward(ctx, target, c, b):
        low, high = target - c.abs(), target + c.abs()
        s = target
        for i in range(120):
            t = torch.tanh(s + b)
            value = s + c * t - target
            low, high = torch.where(value <= 0, s, low), torch.where(value >= 0, s, high)
            step = s - value / (1 + c * (1 - t**2)).clamp_min(1e-12)
            s = torch.where((step >= low) & (step <= high) & (i % 2 == 0), step, (low + high) / 2)
        ctx.save_for_backward(s, c, b)
        return s

    @staticmethod
    def backward(ctx, gradient):
        s, c, b = ctx.saved_tensors
        t = torch.tanh(s + b)
        scaled = gradient / (1 + c * (1 - t**2))
        return scaled, -(scaled * t).sum(), -(scaled * c * (1 - t**2)).sum()


class PlanarFlow(nn.Module):
    """A layer that starts at the identity."""

    def __init__(self, latent_dim):
        super().__init__()
        self.w = nn.Parameter(F.normalize(torch.randn(latent_dim), dim=0))
        self.u = nn.Parameter(0.5413 * self.w.detach().clone())
        self.b = nn.Parameter(torch.randn(()))

    def pieces(self):
        along = self.u.dot(self.w)
        c = (F.softplus(along) - 1).clamp_min(-1 + 1e-6)
        return c, self.u + (c - along) * self.w / self.w.square().sum()

    def forward(self, v):
        c, u_hat = self.pieces()
        a = (v * self.w).sum(-1) + self.b
        return v + a.tanh()[..., None] * u_hat, torch.log1p(c / torch.cosh(a.clamp(-300, 300)) ** 2)


def planar_inverse(self, y):
    c, u_hat = self.pieces()
    s = Root.apply((y * self.w).sum(-1), c, self.b)
    return y - torch.tanh(s + self.b)[..., None] * u_hat


PlanarFlow.inverse = planar_inverse


class FlowPrior(nn.Module):
    """Layers composed by recursion."""

    def __init__(self, num_flows, latent_dim):
        super().__init__()
        self.latent_dim = latent_dim
        self.layers = nn.ModuleList([PlanarFlow(latent_dim) for _ in range(num_flows)])

    def log_prob(self, z, first=0):
        if first == len(self.layers):
            return normal(torch.zeros_like(z), torch.zeros_like(z)).log_prob(z)
        moved, log_det = self.layers[first](z)
        return log_det + self.log_prob(moved, first + 1)

    def sample(self, n, generator=None):
        z = torch.randn(n, self.latent_dim, generator=generator, dtype=self.layers[0].b.dtype)
        for i in reversed(range(len(self.layers))):
            z = self.layers[i].inverse(z)
        return z.detach()


def monte_carlo_elbo(model, x, eps):
    if eps.dim() == 3:
        return torch.stack([monte_carlo_elbo(model, x, one) for one in eps]).mean(0)
    posterior = normal(*model.encoder(x))
    z = posterior.base_dist.loc + posterior.base_dist.scale * eps
    prior = model.prior or normal(torch.zeros_like(z), torch.zeros_like(z))
    likelihood = Independent(Bernoulli(logits=model.decoder(z)), 3)
    return likelihood.log_prob(x) + prior.log_prob(z) - posterior.log_prob(z)
