"""Learned priors of trained models as the grader computes them: the densities of `oracles`, fast enough for ten thousands
of codes, and their samplers.

Called by `likelihood`, which reads the parameters from a submission and bounds them; in float64.
"""

import torch
import torch.nn.functional as F
from torch.distributions import Categorical

from autograder.judging import oracles
from autograder.judging.draw import Draw

BLOCK = 2**23  # numbers at a time, 64 MiB in float64


class Mixture(oracles.Mixture):
    """A mixture of Gaussians with diagonal covariances."""

    @property
    def latent_dim(self) -> int:
        """D."""
        return self.loc.shape[-1]

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        """Return log p(z), shape of z without its last axis, a block of points at a time."""
        blocks = z.reshape(-1, self.latent_dim).split(max(1, BLOCK // self.loc.numel()))
        return torch.cat([super(Mixture, self).log_prob(block) for block in blocks]).reshape(z.shape[:-1])

    def sample(self, n: int, draw: Draw) -> torch.Tensor:
        """Return n points of it, (n, D)."""
        weights = Categorical(logits=self.logits).probs
        component = torch.searchsorted(weights.cumsum(0), draw.uniform(n)).clamp_max(len(weights) - 1)
        noise = draw.normal(n, self.latent_dim)
        return self.loc[component] + torch.exp(self.log_var[component] / 2) * noise


class Flow(oracles.Flow):
    """A prior whose planar layers map z to standard normal noise, layers[0] first."""

    @property
    def latent_dim(self) -> int:
        """D."""
        return len(self.layers[0].u)

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        """Return log p(z), shape of z without its last axis, in one pass.

        The Jacobian of a layer is I + û (1 − t²) wᵀ with t = tanh(wᵀz + b), and its determinant 1 + wᵀû (1 − t²).
        """
        log_det = torch.zeros(z.shape[:-1], dtype=z.dtype)
        for layer in self.layers:
            t = torch.tanh(z @ layer.w + layer.b)
            # 1 + wᵀû = softplus(wᵀu), taken as it is: where wᵀû is near −1 the determinant loses no digits and stays positive
            least = F.softplus(layer.w @ layer.u).clamp_min(torch.finfo(z.dtype).tiny)
            log_det += torch.log(t**2 + least * (1 - t**2))
            z = z + t[..., None] * layer.u_hat
        return log_det + oracles.gaussian_log_prob(z, torch.zeros_like(z), torch.zeros_like(z))

    def sample(self, n: int, draw: Draw) -> torch.Tensor:
        """Return n points of it, (n, D): noise through the inverse layers, found by bisection."""
        return self.from_noise(draw.normal(n, self.latent_dim))
