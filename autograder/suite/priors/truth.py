"""Exact learned priors: a mixture of Gaussians, a planar layer with its inverse, and a flow of such layers.

Shares no code with the reference solution. Densities come from torch.distributions and Jacobian matrices, inverses from bisection.
"""

from dataclasses import dataclass, replace

import torch
from torch.distributions import Categorical, MixtureSameFamily, Normal

from autograder.judging.draw import Draw
from autograder.judging.oracles import diagonal_normal


@dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians with diagonal covariances.

    Attributes:
        logits: (C,); weights are their softmax. loc, log_var: (C, D).
    """

    logits: torch.Tensor
    loc: torch.Tensor
    log_var: torch.Tensor

    @classmethod
    def drawn(cls, draw: Draw, num_components: int, latent_dim: int, dtype=torch.float64) -> "Mixture":
        """Return overlapping components of different weight, place and width."""
        return cls(
            logits=draw.normal(num_components, dtype=dtype),
            loc=draw.normal(num_components, latent_dim, scale=1.5, dtype=dtype),
            log_var=draw.uniform(num_components, latent_dim, low=-1.5, high=1.2, dtype=dtype),
        )

    @classmethod
    def apart(cls, draw: Draw, num_components: int, latent_dim: int) -> "Mixture":
        """Return components so far from each other (30 standard deviations and more) that a draw shows its own."""
        first = torch.arange(num_components, dtype=torch.float64) - (num_components - 1) / 2
        loc = draw.normal(num_components, latent_dim) + 100 * first[:, None]
        return cls(
            logits=torch.log(torch.linspace(1.0, 3.0, num_components, dtype=torch.float64)) + draw.normal(1),
            loc=loc,
            log_var=draw.uniform(num_components, latent_dim, low=0.8, high=2.0)
            * (2 * draw.binary(num_components, latent_dim) - 1),
        )

    @property
    def parameters(self) -> dict[str, torch.Tensor]:
        """The parameters by the names of the contract."""
        return vars(self)

    def double(self) -> "Mixture":
        """Return the mixture in double precision."""
        return Mixture(*(value.double() for value in vars(self).values()))

    def changed(self, **values: torch.Tensor) -> "Mixture":
        """Return the mixture with other values."""
        return replace(self, **values)

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        """Return log p(z), shape of z without its last axis."""
        return MixtureSameFamily(Categorical(logits=self.logits), diagonal_normal(self.loc, self.log_var)).log_prob(z)

    def standardized(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the nearest component of each point of (n, D), (n,), and the point in that component's units, (n, D):
        its noise, where components lie apart."""
        component = torch.cdist(z, self.loc).argmin(-1)
        return component, (z - self.loc[component]) / torch.exp(self.log_var[component] / 2)


@dataclass(frozen=True)
class Planar:
    """A planar layer v -> v + u_hat tanh(w.v + b), made invertible by w.u_hat = softplus(w.u) - 1.

    Attributes:
        u, w: (D,). b: ().
    Source: Rezende and Mohamed (2015), Variational Inference with Normalizing Flows, appendix A.
    """

    u: torch.Tensor
    w: torch.Tensor
    b: torch.Tensor

    @classmethod
    def drawn(cls, draw: Draw, latent_dim: int, along: float | None = None, dtype=torch.float64) -> "Planar":
        """Return a layer whose w has a norm clear of one; w.u is `along`, or drawn from [-1.5, 3)."""
        along = draw.uniform(low=-1.5, high=3.0) if along is None else along
        w = draw.normal(latent_dim)
        w = draw.uniform(low=1.5, high=2.2) * w / w.norm()
        u = draw.normal(latent_dim)
        u = u + (along - w @ u) * w / (w @ w)
        return cls(u=u.to(dtype), w=w.to(dtype), b=draw.normal(scale=0.7, dtype=dtype))

    @property
    def parameters(self) -> dict[str, torch.Tensor]:
        """The parameters by the names of the contract."""
        return vars(self)

    def changed(self, **values: torch.Tensor) -> "Planar":
        """Return the layer with other values."""
        return replace(self, **values)

    def double(self) -> "Planar":
        """Return the layer in double precision."""
        return Planar(*(value.double() for value in vars(self).values()))

    @property
    def stretch(self) -> torch.Tensor:
        """w.u_hat, above -1: how much faster than v the output moves along w at the steepest place."""
        along = self.w @ self.u
        return torch.logaddexp(torch.zeros_like(along), along) - 1

    @property
    def u_hat(self) -> torch.Tensor:
        """The constrained u, (D,)."""
        return self.u + (self.stretch - self.w @ self.u) * self.w / (self.w @ self.w)

    def move(self, v: torch.Tensor) -> torch.Tensor:
        """Return f(v), shape of v."""
        return v + self.u_hat * torch.tanh(v @ self.w + self.b)[..., None]

    def log_det(self, v: torch.Tensor) -> torch.Tensor:
        """Return log|det df/dv| from the Jacobian matrices, shape of v without its last axis."""
        rows = v.reshape(-1, v.shape[-1])
        jacobian = torch.func.vmap(torch.func.jacrev(self.move))(rows)  # (rows, D, D)
        return torch.linalg.slogdet(jacobian).logabsdet.reshape(v.shape[:-1])

    def __call__(self, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return f(v) and log|det df/dv|."""
        return self.move(v), self.log_det(v)

    def inverse(self, y: torch.Tensor) -> torch.Tensor:
        """Return v with f(v) = y in double precision, by bisection along w until the bracket is empty; no gradient."""
        layer = Planar(*(value.detach().double() for value in vars(self).values()))
        target, reach = y.double() @ layer.w, layer.stretch.abs() + 1
        low, high = target - reach, target + reach
        for _ in range(100):
            middle = (low + high) / 2
            below = middle + layer.stretch * torch.tanh(middle + layer.b) < target
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return y.double() - layer.u_hat * torch.tanh((low + high) / 2 + layer.b)[..., None]

    def undo(self, y: torch.Tensor) -> torch.Tensor:
        """Return v with f(v) = y, differentiable once in y, u, w and b: dv = J^-1 (dy - df) at the solution."""
        v = self.inverse(y.detach()).detach()
        jacobian = torch.func.vmap(torch.func.jacrev(self.move))(v).detach()
        return v - torch.linalg.solve(jacobian, (self.move(v) - y)[..., None])[..., 0]


@dataclass(frozen=True)
class Flow:
    """A prior whose planar layers map z to standard normal noise, layers[0] first."""

    layers: tuple[Planar, ...]

    @classmethod
    def drawn(cls, draw: Draw, num_flows: int, latent_dim: int, dtype=torch.float64) -> "Flow":
        """Return layers that bend the space clearly, each in a direction of its own, so that their order counts."""
        return cls(tuple(Planar.drawn(draw, latent_dim, 1.5 + 2 * draw.uniform(), dtype) for _ in range(num_flows)))

    @classmethod
    def of(cls, parameters: dict[str, torch.Tensor]) -> "Flow":
        """Return the flow whose parameters have these names and values: the inverse of `parameters`."""
        values = iter(parameters.values())
        return cls(tuple(Planar(u, w, b) for u, w, b in zip(values, values, values, strict=True)))

    @property
    def parameters(self) -> dict[str, torch.Tensor]:
        """The parameters by the names of the contract."""
        return {f"layers.{i}.{name}": v for i, layer in enumerate(self.layers) for name, v in layer.parameters.items()}

    def double(self) -> "Flow":
        """Return the flow in double precision."""
        return Flow(tuple(layer.double() for layer in self.layers))

    def to_noise(self, z: torch.Tensor) -> torch.Tensor:
        """Return the noise that z is mapped to, shape of z."""
        for layer in self.layers:
            z = layer.move(z)
        return z

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        """Return log p(z) from the Jacobian matrix of the whole map, shape of z without its last axis."""
        rows = z.reshape(-1, z.shape[-1])
        jacobian = torch.func.vmap(torch.func.jacrev(self.to_noise))(rows)
        volume = torch.linalg.slogdet(jacobian).logabsdet.reshape(z.shape[:-1])
        return Normal(torch.zeros_like(z), 1.0).log_prob(self.to_noise(z)).sum(-1) + volume

    def from_noise(self, noise: torch.Tensor) -> torch.Tensor:
        """Return the z that is mapped to this noise, shape of noise, in double precision."""
        for layer in reversed(self.layers):
            noise = layer.inverse(noise)
        return noise
