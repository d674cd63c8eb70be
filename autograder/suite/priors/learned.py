"""Learned priors of trained models as the grader computes them: the densities of `truth`, fast enough for ten thousands of codes, and
their samplers, of the parameters that a submission's prior has.

Parameters are read from a submission and bounded first. All in float64.
"""

import torch
import torch.nn.functional as F
from torch.distributions import Categorical

from autograder.catalogue import LearnedPrior
from autograder.judging import oracles
from autograder.judging.draw import Draw
from autograder.kernel.failures import BadAnswer
from autograder.suite.priors import truth
from autograder.trained.likelihood import MAX_CODE

MAX_NUMBERS = 100_000  # in a prior's largest parameter: bounds the grader's time, as MAX_LATENT_DIM does its memory
MAX_LOG_VAR = 50
BLOCK = 2**23  # numbers at a time, 64 MiB in float64


class Mixture(truth.Mixture):
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


class Flow(truth.Flow):
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


def mixture(parameters: dict[str, torch.Tensor]) -> Mixture:
    """Return the mixture of a MixturePrior's parameters."""
    logits, loc, log_var = (parameters.get(name) for name in ("logits", "loc", "log_var"))
    shapes = {name: tuple(parameters[name].shape) for name in ("logits", "loc", "log_var") if name in parameters}
    if (
        len(shapes) < 3
        or loc.dim() != 2
        or not 1 <= loc.numel() <= MAX_NUMBERS
        or (logits.shape, log_var.shape) != (loc.shape[:1], loc.shape)
    ):
        raise BadAnswer(
            f"The trained MixturePrior's parameters: expected logits (C,), loc (C, D) and log_var (C, D) with C·D at most {MAX_NUMBERS}, "
            f"got {shapes or 'none of them'}."
        )
    logits, loc, log_var = (_bounded("MixturePrior", t) for t in (logits, loc, log_var))
    if log_var.abs().max() > MAX_LOG_VAR:
        raise BadAnswer(
            f"The trained MixturePrior's log_var: expected values within ±{MAX_LOG_VAR}, got {log_var.abs().max():.3g}."
        )
    return Mixture(logits=logits, loc=loc, log_var=log_var)


def flow(parameters: dict[str, torch.Tensor]) -> Flow:
    """Return the flow of a FlowPrior's parameters."""
    layers = []
    while all(f"layers.{len(layers)}.{name}" in parameters for name in "uwb"):
        layers.append(tuple(parameters[f"layers.{len(layers)}.{name}"] for name in "uwb"))
    dim = layers[0][0].numel() if layers else 0
    if (
        not 1 <= len(layers) * dim <= MAX_NUMBERS
        or any(u.shape != (dim,) or w.shape != (dim,) or b.numel() != 1 for u, w, b in layers)
        or f"layers.{len(layers)}.u" in parameters
    ):
        shapes = {name: tuple(tensor.shape) for name, tensor in list(parameters.items())[:6]}
        raise BadAnswer(
            "The trained FlowPrior's parameters: expected layers, an nn.ModuleList of PlanarFlow with u (D,), w (D,) and b (), "
            f"at most {MAX_NUMBERS} numbers in all u, got {shapes or 'none of them'}{' …' if len(parameters) > 6 else ''}."
        )
    layers = [truth.Planar(*(_bounded("FlowPrior", t) for t in (u, w, b.reshape(())))) for u, w, b in layers]
    if not all(layer.w.any() for layer in layers):
        raise BadAnswer("The trained FlowPrior's layers: expected w other than zero, got a layer with w = 0.")
    return Flow(tuple(layers))


def _bounded(called: str, parameter: torch.Tensor) -> torch.Tensor:
    """Return a parameter in double precision, if its values are finite and below MAX_CODE."""
    if not parameter.is_floating_point() or not parameter.abs().max() < MAX_CODE:  # false for NaN, too
        raise BadAnswer(f"The trained {called}'s parameters: expected finite floats within ±{MAX_CODE:g}, got others.")
    return parameter.detach().double()


MIXTURE = LearnedPrior("MixturePrior", mixture)
FLOW = LearnedPrior("FlowPrior", flow)
