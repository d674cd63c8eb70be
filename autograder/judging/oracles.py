"""What the hidden suite knows to be true: formulas written on `torch.distributions`, and a small model whose bounds are
integrals.

Shares no code with the reference solutions. Leaves out how a student is asked (`remote`) and how answers are compared
(`expect`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from torch.distributions import Independent, Normal, kl_divergence

from autograder.judging.draw import Draw


def diagonal_normal(mu: torch.Tensor, log_var: torch.Tensor) -> Independent:
    """Return N(mu, diag exp log_var) over the last axis."""
    return Independent(Normal(mu, torch.exp(log_var / 2)), 1)


def reparameterize(mu: torch.Tensor, log_var: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    """Return the point that noise eps is moved to: the inverse of z -> (z - mu) / sigma (Kingma and Welling 2014,
    section 2.4)."""
    return torch.addcmul(mu, torch.exp(log_var).sqrt(), eps)


def gaussian_log_prob(z: torch.Tensor, mu: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
    """Return log N(z; mu, diag exp log_var), shape of z without its last axis."""
    return diagonal_normal(mu, log_var).log_prob(z)


def kl_standard_normal(mu: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
    """Return KL(N(mu, diag exp log_var) || N(0, I)), shape of mu without its last axis."""
    return kl_divergence(diagonal_normal(mu, log_var), diagonal_normal(torch.zeros_like(mu), torch.zeros_like(mu)))


def bernoulli_log_prob(x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Return log p(x) of independent pixels, -log(1 + exp(-(2x - 1) logit)) each, summed over the last three axes; x in
    {0, 1}."""
    margin = (2 * x - 1) * logits
    return -torch.logaddexp(torch.zeros_like(margin), -margin).sum((-3, -2, -1))


def all_images(height: int, width: int) -> torch.Tensor:
    """Return every binary image, shape (2^(height width), 1, height, width)."""
    bits = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * (height * width))
    return bits.reshape(-1, 1, height, width)


def normal_cdf(points: torch.Tensor) -> torch.Tensor:
    """Return P(N(0, 1) <= point)."""
    return torch.special.ndtr(points)


def normal_midpoints(n: int) -> torch.Tensor:
    """Return n points that share the standard normal equally: its quantiles at (k + 1/2) / n, shape (n,)."""
    return torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)


@cache
def hermite(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return nodes and weights of Gauss-Hermite quadrature for the standard normal, both (n,)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return torch.from_numpy(nodes), torch.from_numpy(weights / weights.sum())


def slope(function: Callable[[float], torch.Tensor], step: float = 1e-4) -> torch.Tensor:
    """Return the derivative at 0 of a function of one number by central differences of order four (error of order
    step^4)."""
    near = function(step) - function(-step)
    far = function(2 * step) - function(-2 * step)
    return (8 * near - far) / (12 * step)


@dataclass(frozen=True)
class AffineModel:
    """A variational autoencoder of affine maps and Bernoulli pixels: every expectation is a sum of one-dimensional
    integrals.

    The same arithmetic as the toys that `remote` builds in the kernel, kept on the grader's side.

    Attributes:
        weight_mu, weight_log_var: (D, pixels); bias_mu, bias_log_var: (D,).
        weight: (pixels, D); bias: (pixels,); shape: of one image, (1, height, width).
        prior: (mean, log_var), both (D,), or None for N(0, I).
    """

    weight_mu: torch.Tensor
    bias_mu: torch.Tensor
    weight_log_var: torch.Tensor
    bias_log_var: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor
    shape: tuple[int, int, int]
    prior: tuple[torch.Tensor, torch.Tensor] | None = None

    @classmethod
    def drawn(
        cls, draw: Draw, latent_dim: int, shape: tuple = (1, 2, 3), prior: bool = False, dtype=torch.float64
    ) -> "AffineModel":
        """Return a model of moderate size: means and log-variances of order one, logits of a few units."""
        pixels = math.prod(shape)
        given = (
            draw.normal(latent_dim, shift=1.5, dtype=dtype),
            draw.uniform(latent_dim, low=-1.5, high=0.5, dtype=dtype),
        )
        return cls(
            weight_mu=draw.normal(latent_dim, pixels, scale=0.6, dtype=dtype),
            bias_mu=draw.normal(latent_dim, scale=0.6, dtype=dtype),
            weight_log_var=draw.normal(latent_dim, pixels, scale=0.4, dtype=dtype),
            bias_log_var=draw.normal(latent_dim, scale=0.4, shift=-0.7, dtype=dtype),
            weight=draw.normal(pixels, latent_dim, scale=1.2, dtype=dtype),
            bias=draw.normal(pixels, scale=0.7, dtype=dtype),
            shape=tuple(shape),
            prior=given if prior else None,
        )

    @property
    def latent_dim(self) -> int:
        """D."""
        return self.weight.shape[1]

    @property
    def pixels(self) -> int:
        """Pixels of one image."""
        return self.weight.shape[0]

    def changed(self, **values: object) -> "AffineModel":
        """Return the model with other values."""
        return replace(self, **values)

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mu and log_var of q(z|x), both (B, D)."""
        flat = x.reshape(len(x), -1)
        mu = torch.einsum("bp,dp->bd", flat, self.weight_mu) + self.bias_mu
        log_var = torch.einsum("bp,dp->bd", flat, self.weight_log_var) + self.bias_log_var
        return mu, log_var

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Return logits, (..., 1, height, width), for z of shape (..., D)."""
        logits = torch.einsum("...d,pd->...p", z, self.weight) + self.bias
        return logits.reshape(*z.shape[:-1], *self.shape)

    def prior_log_prob(self, z: torch.Tensor) -> torch.Tensor:
        """Return log p(z), shape of z without its last axis."""
        mean, log_var = self.prior or (torch.zeros_like(self.bias_mu), torch.zeros_like(self.bias_mu))
        return gaussian_log_prob(z, mean, log_var)

    def elbo(self, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        """Return the bound with noise eps (B, D) or (K, B, D): closed-form KL to N(0, I), Monte Carlo for another
        prior; (B,)."""
        mu, log_var = self.encode(x)
        z = reparameterize(mu, log_var, eps)
        reconstruction = bernoulli_log_prob(x, self.decode(z))
        if self.prior is None:
            bound = reconstruction - kl_standard_normal(mu, log_var)
        else:
            bound = reconstruction + self.prior_log_prob(z) - gaussian_log_prob(z, mu, log_var)
        return bound.reshape(-1, len(x)).mean(0)

    def expected_elbo(self, x: torch.Tensor) -> torch.Tensor:
        """Return the bound with its expectation over q(z|x) taken exactly, (B,).

        The logit of a pixel is normal under q, so E_q log p(x|z) is one Gauss-Hermite integral a pixel.
        """
        mu, log_var = self.encode(x)
        mean = mu @ self.weight.T + self.bias  # (B, pixels)
        spread = (torch.exp(log_var) @ (self.weight**2).T).sqrt()
        nodes, weights = hermite(100)
        logits = mean + nodes[:, None, None] * spread  # (nodes, B, pixels)
        margin = (2 * x.reshape(len(x), -1) - 1) * logits
        pixels = -torch.logaddexp(torch.zeros_like(margin), -margin)
        reconstruction = torch.einsum("n,nbp->b", weights, pixels)
        prior_mean, prior_log_var = self.prior or (torch.zeros_like(self.bias_mu), torch.zeros_like(self.bias_mu))
        return reconstruction - kl_divergence(diagonal_normal(mu, log_var), diagonal_normal(prior_mean, prior_log_var))

    def log_likelihood(self, x: torch.Tensor) -> torch.Tensor:
        """Return log p(x) for one latent dimension by the trapezoid rule over ten standard deviations of the prior,
        (B,)."""
        mean, log_var = self.prior or (torch.zeros_like(self.bias_mu), torch.zeros_like(self.bias_mu))
        grid = (
            mean + torch.exp(log_var / 2) * torch.linspace(-10, 10, 2001, dtype=torch.float64)[:, None]
        )  # (points, 1)
        joint = self.prior_log_prob(grid)[:, None] + bernoulli_log_prob(x, self.decode(grid)[:, None])  # (points, B)
        return torch.logsumexp(joint, 0) + torch.log(grid[1, 0] - grid[0, 0])

    def lipschitz(self, x: torch.Tensor) -> float:
        """Return a bound on the norm of the bound's gradient in eps (D,) for every image of x.

        Reconstruction: |d/d eps_j| <= sigma_j sum_p |W_pj|. A prior with q's own variances adds (prior mean - mu)_j /
        sigma_j; other variances have no such bound.

        Raises:
            ValueError: the prior's variances differ from those of q.
        """
        mu, log_var = self.encode(x)
        per_axis = torch.exp(log_var / 2) * self.weight.abs().sum(0)
        if self.prior is not None:
            if not torch.allclose(log_var, self.prior[1].expand_as(log_var)):
                raise ValueError("lipschitz: the variances of the prior differ from those of q")
            per_axis = per_axis + ((self.prior[0] - mu) / torch.exp(log_var / 2)).abs()
        return float(per_axis.norm(dim=-1).max())


def integral(log_density: Callable[[torch.Tensor], torch.Tensor], latent_dim: int, reach: float, points: int) -> float:
    """Return the mass that a density in one or two dimensions has in [-reach, reach]^D, by the trapezoid rule.

    Args:
        log_density: takes (points^D, D), returns (points^D,).
    """
    axis = torch.linspace(-reach, reach, points, dtype=torch.float64)
    grid = torch.cartesian_prod(*[axis] * latent_dim).reshape(-1, latent_dim)
    return float(torch.exp(log_density(grid)).sum() * (axis[1] - axis[0]) ** latent_dim)


# --- importance weights -----------------------------------------------------------------------------------------------


def log_weights(toy: AffineModel, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    """Return log p(x, z) - log q(z|x) at the z that eps (K, B, D) leads to, (K, B)."""
    mu, log_var = toy.encode(x)
    z = reparameterize(mu, log_var, eps)
    return bernoulli_log_prob(x, toy.decode(z)) + toy.prior_log_prob(z) - gaussian_log_prob(z, mu, log_var)


def importance_bound(log_w: torch.Tensor) -> torch.Tensor:
    """Return the logarithm of the mean weight of each image, (B,) for (K, B), added up sample by sample in double
    precision."""
    total = np.logaddexp.reduce(log_w.detach().double().numpy(), axis=0)
    return torch.from_numpy(total - np.log(len(log_w))).to(log_w.dtype)


def importance_shares(log_w: torch.Tensor) -> torch.Tensor:
    """Return each weight's share of its image's sum, 1 / sum over j of w_j / w_k, (K, B): the gradient of the bound."""
    ratios = torch.exp(log_w.detach().double()[:, None] - log_w.detach().double())  # (j, k, B), infinite where w_k is 0
    return (1 / ratios.sum(0)).to(log_w.dtype)


@dataclass(frozen=True)
class Enumerated:
    """A model with finitely many codes, whose bounds are finite sums.

    Attributes:
        prior, likelihood, posterior: p(z), p(x|z) and q(z|x) of each code, all (S,).
    """

    prior: torch.Tensor
    likelihood: torch.Tensor
    posterior: torch.Tensor

    @classmethod
    def drawn(cls, draw: Draw, states: int = 3) -> "Enumerated":
        """Return a model whose q is clear of the true posterior."""
        prior, posterior = (torch.softmax(draw.normal(states), 0) for _ in range(2))
        return cls(prior, torch.sigmoid(draw.normal(states, scale=2.0)), posterior)

    def samples(self, num_samples: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the log weights of every possible draw of K codes, (K, S^K), and the draws' probabilities, (S^K,)."""
        codes = torch.cartesian_prod(*[torch.arange(len(self.prior))] * num_samples).reshape(-1, num_samples).T
        weights = self.prior * self.likelihood / self.posterior
        return torch.log(weights)[codes], self.posterior[codes].prod(0)

    def log_likelihood(self) -> float:
        """Return log p(x)."""
        return float(torch.log(self.prior @ self.likelihood))


def kl_of_dimensions(mu: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
    """Return KL(N(mu, exp log_var) || N(0, 1)) of every number by itself, shape of mu."""
    return kl_divergence(Normal(mu, torch.exp(log_var / 2)), Normal(torch.zeros_like(mu), torch.ones_like(mu)))


def shifted_gradients(shift: float, num_samples: int, count: int, draw: Draw) -> torch.Tensor:
    """Return draws of the gradient of the negative bound for the mean of q = N(shift, 1), where the true posterior is
    N(0, 1), (count,).

    log w = const - shift²/2 - shift eps, d log w / d shift = -(shift + eps), weighted by the shares of the weights.
    """
    eps = draw.normal(num_samples, count)
    return (importance_shares(-shift * eps) * (shift + eps)).sum(0)


def traversal(toy: AffineModel, x: torch.Tensor, dims: list[int], values: list[float]) -> torch.Tensor:
    """Return the pixels' probabilities where one coordinate of the posterior mean is replaced, (dims, values, 1,
    height, width)."""
    mu, _ = toy.encode(x)
    one_hot = torch.eye(toy.latent_dim, dtype=mu.dtype)[dims][:, None]  # (dims, 1, D)
    replaced = torch.tensor(values, dtype=mu.dtype)[:, None]  # (values, 1)
    return torch.sigmoid(toy.decode(mu * (1 - one_hot) + replaced * one_hot))


def kl_to_prior(toy: AffineModel, x: torch.Tensor) -> torch.Tensor:
    """Return KL(q(z|x) || p(z)) in closed form, (B,)."""
    mean, log_var = toy.prior or (torch.zeros_like(toy.bias_mu), torch.zeros_like(toy.bias_mu))
    return kl_divergence(diagonal_normal(*toy.encode(x)), diagonal_normal(mean, log_var))
