"""Models of gaps whose log p(x), posterior and best approximations are known in closed form.

Shares no code with the reference solution. Formulas are written on matrices, expectations of quadratic forms under normal densities.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch.distributions import MultivariateNormal

from autograder.judging import oracles
from autograder.judging.draw import Draw
from autograder.judging.statistics import Finding

FAR = 40.0  # logits below -FAR are logarithms of probabilities, to the last digit of double precision
ROUNDING = 1e-6


@dataclass(frozen=True)
class LinearGaussian:
    """A linear-Gaussian model told by binary images: of image n the n-th pixel alone is 1.

    log p(x_n|z) = -offset_n - ½ (z - a_n)ᵀ P_n (z - a_n), as `toys.QuadraticDecoder` says it, and p(z) is N(mean, diag exp log_var).

    Attributes:
        centres, precisions, offsets: a (N, D), P (N, D, D) and offset (N,), at least FAR.
        mu, log_var: of q(z|x), (N, D). shape: of one image, (1, height, width).
        prior: (mean, log_var), both (D,), or None for N(0, I).
    """

    centres: torch.Tensor
    precisions: torch.Tensor
    offsets: torch.Tensor
    mu: torch.Tensor
    log_var: torch.Tensor
    shape: tuple[int, int, int]
    prior: tuple[torch.Tensor, torch.Tensor] | None = None

    @classmethod
    def drawn(
        cls, draw: Draw, latent_dim: int, images: int, prior: bool = False, sharp: float = 1.0
    ) -> "LinearGaussian":
        """Return a model whose posterior is correlated and differs between images, and whose encoder is off by a little.

        Args:
            sharp: how much the likelihood says beside the prior.
        """
        root = draw.normal(images, latent_dim, latent_dim, scale=0.6)
        precisions = sharp * (root @ root.mT + 0.5 * torch.eye(latent_dim, dtype=torch.float64))
        toy = cls(
            centres=draw.normal(images, latent_dim, scale=1.2),
            precisions=precisions,
            offsets=draw.uniform(images, low=FAR, high=FAR + 5),
            mu=torch.zeros(images, latent_dim, dtype=torch.float64),
            log_var=torch.zeros(images, latent_dim, dtype=torch.float64),
            shape=(1, 1, images),
            prior=(draw.normal(latent_dim, shift=0.7), draw.uniform(latent_dim, low=-0.8, high=0.6)) if prior else None,
        )
        mu, log_var = toy.best
        off = 2 * draw.binary(2, images, latent_dim) - 1
        size = draw.uniform(2, images, latent_dim, low=0.5, high=0.8)
        return toy.changed(mu=mu + off[0] * size[0] * torch.exp(log_var / 2), log_var=log_var + off[1] * size[1])

    def changed(self, **values: object) -> "LinearGaussian":
        """Return the model with other values."""
        return replace(self, **values)

    def repeated(self, copies: int) -> "LinearGaussian":
        """Return the model in which all images come so many times, one row after the other."""
        rows = torch.arange(len(self.centres)).repeat(copies)
        kept = {name: getattr(self, name)[rows] for name in ("centres", "precisions", "offsets", "mu", "log_var")}
        return self.changed(**kept, shape=(1, 1, len(rows)))

    @property
    def latent_dim(self) -> int:
        """D."""
        return self.centres.shape[1]

    @property
    def images(self) -> torch.Tensor:
        """All images, (N, 1, height, width)."""
        return torch.eye(len(self.centres), dtype=self.centres.dtype).reshape(-1, *self.shape)

    @property
    def prior_normal(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance of the prior, both (D,)."""
        none = torch.zeros(self.latent_dim, dtype=self.centres.dtype)
        return self.prior or (none, none)

    def log_likelihood_at(self, z: torch.Tensor) -> torch.Tensor:
        """Return log p(x_n|z_n), (..., N) for (..., N, D)."""
        off = z - self.centres
        return -self.offsets - torch.einsum("...nd,nde,...ne->...n", off, self.precisions, off) / 2

    def log_joint(self, z: torch.Tensor) -> torch.Tensor:
        """Return log p(x_n, z_n), (..., N) for (..., N, D)."""
        return self.log_likelihood_at(z) + oracles.gaussian_log_prob(z, *self.prior_normal)

    def posterior(self, beta: float = 1.0) -> MultivariateNormal:
        """Return the normal density proportional to p(z) p(x_n|z)^beta of each image, a batch of N."""
        mean, log_var = self.prior_normal
        prior_precision = torch.diag(torch.exp(-log_var))
        precision = prior_precision + beta * self.precisions
        linear = prior_precision @ mean + beta * torch.einsum("nde,ne->nd", self.precisions, self.centres)
        return MultivariateNormal(torch.linalg.solve(precision, linear), precision_matrix=precision)

    def log_p(self, beta: float = 1.0) -> torch.Tensor:
        """Return the logarithm of the integral of p(z) p(x_n|z)^beta, (N,): log p(x_n, z) / q(z) is one number for all z where q is
        the posterior."""
        q, (mean, log_var) = self.posterior(beta), self.prior_normal
        z = q.mean + 1  # any point
        return beta * self.log_likelihood_at(z) + oracles.gaussian_log_prob(z, mean, log_var) - q.log_prob(z)

    def elbo(self, mu: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
        """Return the bound of q(z|x_n) = N(mu_n, diag exp log_var_n) exactly, (N,)."""
        inside = (
            self.log_likelihood_at(mu)
            - (torch.diagonal(self.precisions, dim1=-2, dim2=-1) * torch.exp(log_var)).sum(-1) / 2
        )
        mean, prior_log_var = self.prior_normal
        divergence = torch.distributions.kl_divergence(
            oracles.diagonal_normal(mu, log_var),
            oracles.diagonal_normal(mean.expand_as(mu), prior_log_var.expand_as(mu)),
        )
        return inside - divergence

    @property
    def best(self) -> tuple[torch.Tensor, torch.Tensor]:
        """mu and log_var of the best factorised Gaussian: the posterior's mean, and one over the diagonal of its precision."""
        q = self.posterior()
        return q.mean, -torch.log(torch.diagonal(q.precision_matrix, dim1=-2, dim2=-1))

    def spread(self, mu: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
        """Return the largest standard deviation that one sample of the bound may have, (N,), whichever of its terms are taken in
        closed form.

        The variance of -½ (z-m)ᵀA(z-m) + g·(z-m) under N(m, V) is ½ tr (AV)² + gᵀVg.
        """
        mean, prior_log_var = self.prior_normal
        pull = -torch.einsum("nde,ne->nd", self.precisions, mu - self.centres)
        prior_precision = torch.diag(torch.exp(-prior_log_var))
        prior_pull = -(mu - mean) @ prior_precision
        variance = torch.diag_embed(torch.exp(log_var))
        terms = (
            (self.precisions, pull),  # log p(x|z) alone
            (self.precisions + prior_precision, pull + prior_pull),  # and log p(z)
            (self.precisions + prior_precision - torch.diag_embed(torch.exp(-log_var)), pull + prior_pull),  # all three
        )
        found = [
            torch.diagonal(matrix @ variance @ matrix @ variance, dim1=-2, dim2=-1).sum(-1) / 2
            + (slope**2 * torch.exp(log_var)).sum(-1)
            for matrix, slope in terms
        ]
        return torch.stack(found).amax(0).sqrt()


def one_dimension(draw: Draw, beta: float) -> tuple[LinearGaussian, float, float]:
    """Return a model of one image and one latent dimension, with mean and standard deviation of its posterior at beta."""
    pull, centre = draw.uniform(low=3.0, high=5.0), draw.uniform(low=1.2, high=1.8)
    none = torch.zeros(1, 1, dtype=torch.float64)
    toy = LinearGaussian(
        centres=none + centre,
        precisions=(none + pull)[..., None],
        offsets=torch.full((1,), FAR, dtype=torch.float64),
        mu=none,
        log_var=none,
        shape=(1, 1, 1),
        prior=(draw.normal(1, scale=0.3), draw.uniform(1, low=-0.2, high=0.2)),
    )
    q = toy.posterior(beta)
    return toy, float(q.mean), math.sqrt(float(q.variance))


def below(log_likelihood: torch.Tensor, toy: LinearGaussian, mean: float, deviation: float) -> torch.Tensor:
    """Return P(log p(x|z) <= value) for z ~ N(mean, deviation²), in one dimension: that z lies outside the interval where it is
    more."""
    reach = torch.sqrt(2 * (-toy.offsets - log_likelihood).clamp_min(0) / toy.precisions[0, 0, 0])
    centre = float(toy.centres)
    high, low = (oracles.normal_cdf((centre + side * reach - mean) / deviation) for side in (1, -1))
    return 1 - (high - low)


def mean_of_quadratics_is(
    values: torch.Tensor, truth: torch.Tensor, spread: torch.Tensor, n: int, alpha: float
) -> Finding:
    """Compare means of n draws of quadratic forms of normal vectors with their expectations, each, and all together.

    With s the standard deviation of one draw, P(|mean - E| > (s / √n) √(2t) + √2 (s / n) t) <= 2 exp(-t): the eigenvalues of a form
    are √2 s at most.

    Args:
        values, truth, spread: the means, their expectations and s, all (m,), independent.
        n: draws behind each mean, at least.
        alpha: false-alarm rate, exact for every n.
    Source: Laurent and Massart (2000), Adaptive estimation of a quadratic functional by model selection, lemma 1.
    """
    t, off = math.log(2 * (len(values) + 1) / alpha), (values.double() - truth).abs()
    each = spread * math.sqrt(2 * t / n) + math.sqrt(2) * spread * t / n + ROUNDING * (1 + truth.abs())
    together = float(spread.square().mean().sqrt()) * math.sqrt(2 * t / (n * len(values)))
    together += math.sqrt(2) * float(spread.max()) * t / (n * len(values)) + ROUNDING * float(1 + truth.abs().mean())
    return Finding(max(float((off / each).max()), abs(float((values.double() - truth).mean())) / together), 1.0)
