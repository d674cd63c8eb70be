"""Given: the reference solution of the assignment priors."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from vae import bernoulli_log_prob, gaussian_log_prob, reparameterize


class MixturePrior(nn.Module):
    """A learnable mixture of Gaussians with diagonal covariances."""

    def __init__(self, num_components: int, latent_dim: int):
        """Make the parameters: logits of the weights (C,), means loc (C, D) and log variances log_var (C, D).

        Args:
            num_components: C >= 1.
            latent_dim: D >= 1, dimensions of the code z.
        """
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(num_components))
        # Components that start equal would have equal gradients, and stay equal.
        self.loc = nn.Parameter(0.3 * torch.randn(num_components, latent_dim))
        self.log_var = nn.Parameter(torch.zeros(num_components, latent_dim))

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        """Return the log-density of codes.

        log p(z) = log sum over c of pi_c N(z; loc_c, diag exp(log_var_c)), pi = softmax(logits)

        Args:
            z: codes, shape (B, D) or (K, B, D).
        Returns:
            Log-density in nats, shape (B,) or (K, B).
        Source: Bishop (2006), Pattern Recognition and Machine Learning, equation 2.188.
        """
        log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)  # (B, C) or (K, B, C), summed over D
        return torch.logsumexp(torch.log_softmax(self.logits, dim=-1) + log_normal, dim=-1)


def mixture_sample(self: MixturePrior, n: int, generator: torch.Generator | None = None) -> torch.Tensor:
    """Return codes drawn from the mixture: a component for each, then its Gaussian.

    Args:
        self: the prior.
        n: number of codes, n >= 1.
        generator: source of randomness on the device of the parameters; torch's global one where None.
    Returns:
        Codes, shape (n, D), dtype and device of the parameters, without gradient.
    """
    with torch.no_grad():
        weights = torch.softmax(self.logits, dim=-1)
        component = torch.multinomial(weights, n, replacement=True, generator=generator)  # (n,)
        loc, log_var = self.loc[component], self.log_var[component]  # (n, D)
        eps = torch.randn(loc.shape, generator=generator, dtype=loc.dtype, device=loc.device)
        return reparameterize(loc, log_var, eps)


MixturePrior.sample = mixture_sample  # prior.sample(n)


class PlanarFlow(nn.Module):
    """One planar layer f(v) = v + u_hat tanh(w·v + b), invertible for every value of its parameters."""

    def __init__(self, latent_dim: int):
        """Make the parameters u (D,), w (D,) and b ().

        Args:
            latent_dim: D >= 1, dimensions of v.
        """
        super().__init__()
        self.u = nn.Parameter(0.1 * torch.randn(latent_dim))
        self.w = nn.Parameter(torch.randn(latent_dim) / math.sqrt(latent_dim))
        self.b = nn.Parameter(torch.zeros(()))

    def constrained(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return 1 + w·u_hat, which is positive, and u_hat: the values that forward and inverse share.

        w·u_hat = softplus(w·u) - 1, and u_hat - u is a multiple of w

        Returns:
            1 + w·u_hat, shape (), and u_hat, shape (D,). A helper of yours: change it, or do without.
        Source: Rezende and Mohamed (2015), Variational Inference with Normalizing Flows, appendix A.1.
        """
        wu = self.w @ self.u
        # Softplus underflows to 0, whose logarithm is infinite; from -1, no smaller step can be told apart anyhow.
        slope = F.softplus(wu).clamp_min(torch.finfo(wu.dtype).eps)
        return slope, self.u + (slope - 1 - wu) * self.w / (self.w @ self.w)

    def forward(self, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the layer's output and the log of its change of volume.

        log|det df/dv| = log(1 + (1 - tanh²(w·v + b)) w·u_hat)

        Args:
            v: points, shape (B, D) or (K, B, D).
        Returns:
            f(v), shape of v, and log|det df/dv|, shape (B,) or (K, B).
        Source: Rezende and Mohamed (2015), Variational Inference with Normalizing Flows, equations 10 to 12.
        """
        slope, u_hat = self.constrained()
        t = torch.tanh(v @ self.w + self.b)  # (B,) or (K, B)
        # With 1 + w·u_hat = slope the determinant is a weighted mean of 1 and slope: nothing cancels near 0.
        return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + slope * (1 - t**2))


def planar_inverse(self: PlanarFlow, y: torch.Tensor) -> torch.Tensor:
    """Return the point that the layer maps to y.

    With s = w·v the layer says s + c tanh(s + b) = w·y, c = w·u_hat: one equation for one number, whose only root lies
    in [w·y - |c|, w·y + |c|]. Then v = y - u_hat tanh(s + b).

    Args:
        self: the layer.
        y: points, shape (B, D) or (K, B, D).
    Returns:
        v with f(v) = y, shape and dtype of y, differentiable in y, u, w and b.
    """
    slope, u_hat = (value.double() for value in self.constrained())
    c, b, target = slope - 1, self.b.double(), y.double() @ self.w.double()  # target: (B,) or (K, B)
    with torch.no_grad():
        low, high = target - c.abs(), target + c.abs()
        for _ in range(64):  # each step halves the bracket; after 64 nothing is left of it in float64
            s = (low + high) / 2
            below = s + c * torch.tanh(s + b) < target
            low, high = torch.where(below, s, low), torch.where(below, high, s)
        t = torch.tanh(s + b)
        derivative = t**2 + slope * (1 - t**2)  # of s + c tanh(s + b) in s
    # The search has no gradient. A Newton step from the root has the root's, by the implicit function theorem; the step
    # itself is zero up to rounding, and exactly zero as written here.
    residual = s + c * torch.tanh(s + b) - target
    s = s - (residual - residual.detach()) / derivative
    return (y.double() - u_hat * torch.tanh(s + b).unsqueeze(-1)).to(y.dtype)


PlanarFlow.inverse = planar_inverse  # flow.inverse(y)


class FlowPrior(nn.Module):
    """A prior whose planar layers map codes to standard normal noise."""

    def __init__(self, num_flows: int, latent_dim: int):
        """Make the layers: an nn.ModuleList of PlanarFlow, layers[0] is the first that a code meets.

        Args:
            num_flows: layers, at least 1.
            latent_dim: D >= 1, dimensions of the code z.
        """
        super().__init__()
        self.latent_dim = latent_dim
        self.layers = nn.ModuleList(PlanarFlow(latent_dim=latent_dim) for _ in range(num_flows))

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        """Return the log-density of codes, in one pass through the layers.

        log p(z) = log N(f(z); 0, I) + sum over layers of log|det|, each at the point that enters the layer

        Args:
            z: codes, shape (B, D) or (K, B, D).
        Returns:
            Log-density in nats, shape (B,) or (K, B).
        Source: Rezende and Mohamed (2015), Variational Inference with Normalizing Flows, equation 5.
        """
        volume = 0.0
        for layer in self.layers:
            z, log_det = layer(z)
            volume = volume + log_det  # (B,) or (K, B)
        zeros = torch.zeros_like(z)
        return gaussian_log_prob(z, zeros, zeros) + volume

    def sample(self, n: int, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return codes drawn from the prior: noise, then the inverse of each layer, the last one first.

        Args:
            n: number of codes, n >= 1.
            generator: source of randomness on the device of the parameters; torch's global one where None.
        Returns:
            Codes, shape (n, D), dtype and device of the parameters, without gradient.
        """
        with torch.no_grad():
            like = self.layers[0].w  # says which dtype and device
            z = torch.randn(n, self.latent_dim, generator=generator, dtype=like.dtype, device=like.device)
            for layer in reversed(self.layers):
                z = layer.inverse(z)
            return z


def monte_carlo_elbo(model: nn.Module, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    """Return the evidence lower bound of each image, estimated with samples alone.

    mean over K of log p(x|z_k) + log p(z_k) - log q(z_k|x)

    Args:
        model: module with encoder(x), decoder(z) and prior; N(0, I) where the prior is None.
        x: images, values in {0, 1}, shape (B, 1, 28, 28).
        eps: standard normal noise, shape (B, D) or (K, B, D).
    Returns:
        Estimate in nats, shape (B,), differentiable in encoder, decoder and prior.
    Source: Kingma and Welling (2014), Auto-Encoding Variational Bayes, equation 6.
    """
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)  # shape of eps
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    summand = bernoulli_log_prob(x, model.decoder(z)) + log_prior - gaussian_log_prob(z, mu, log_var)
    return summand.mean(0) if eps.dim() == 3 else summand  # (K, B) or (B,)
