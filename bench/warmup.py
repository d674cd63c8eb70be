"""What KL warm-up gains: log p(x) against the processor time of training, with beta from 0 to 1 over the first part of the steps and without.

The objective of K samples with the weight beta of what a code costs is log 1/K sum of p(x|z) (p(z) / q(z|x))^beta; with K = 1 that is
the beta-VAE's. What is trained at the end, and what is measured, is the bound itself.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

from autograder.catalogue import solution
from autograder.trained.networks import ConnectedDecoder, ConnectedEncoder
from lab import BUDGETS, Budget, batches
from lab.training import ADAM_EPS, learning_rate_factor

SHARE = 0.4  # of the steps in which beta rises
LATENT = 50
CHUNK = 50  # samples decoded at a time
FEW_SAMPLES = 100  # of the estimate after each epoch, 1000 of that at the end
NETWORKS = ("connected", "convolutional")


@dataclass(frozen=True)
class Curve:
    """One training.

    Attributes:
        seconds: processor time of training at the end of each epoch; what is measured in between is left out.
        values: estimate of log p(x) then, in nats per image.
        last: at the end, with ten times as many samples.
        active: units whose mean varies over the images, at the end.
    """

    seconds: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    last: float = float("nan")
    active: int = 0

    def until(self, nats: float) -> float | None:
        """Return the seconds until the estimate first came up to `nats`; None where it never did."""
        return next((s for s, value in zip(self.seconds, self.values, strict=True) if value >= nats), None)


def model(network: str) -> nn.Module:
    """Return an untrained VAE: the reference solution's convolutional one, or with 784–200–200–50 and SiLU."""
    made = solution("vae")["VAE"](latent_dim=LATENT)
    if network == "connected":
        made.encoder, made.decoder = ConnectedEncoder(LATENT, nn.SiLU), ConnectedDecoder(LATENT, nn.SiLU)
    return made


def beta(step: int, steps: int, warm: bool) -> float:
    """Return the weight of what a code costs in a step, counted from 0."""
    return min(1.0, step / (SHARE * steps)) if warm else 1.0


def loss(one: nn.Module, x: torch.Tensor, num_samples: int, weight: float) -> torch.Tensor:
    """Return the negative objective, its mean over the images in nats; in closed form where K = 1."""
    vae, iwae = solution("vae"), solution("iwae")
    mu, log_var = one.encoder(x)
    eps = torch.randn(num_samples, *mu.shape)
    z = vae["reparameterize"](mu, log_var, eps)
    reconstruction = vae["bernoulli_log_prob"](x, one.decoder(z.flatten(0, 1)).unflatten(0, eps.shape[:2]))
    if num_samples == 1:
        return -(reconstruction[0] - weight * vae["kl_standard_normal"](mu, log_var)).mean()
    price = vae["gaussian_log_prob"](z, mu, log_var) - vae["gaussian_log_prob"](z, torch.zeros(()), torch.zeros(()))
    return -iwae["iwae_bound"](reconstruction - weight * price).mean()


def train(
    images: torch.Tensor,
    held_out: torch.Tensor,
    *,
    warm: bool,
    network: str = "connected",
    num_samples: int = 1,
    seed: int = 0,
    budget: Budget = BUDGETS["standard"],
    clock: Callable[[], float] = time.process_time,
) -> Curve:
    """Train as `lab.fit` does, without stopping early, and measure after each epoch.

    Args:
        images: training images, uint8, shape (N, 1, 28, 28).
        held_out: binary images, shape (M, 1, 28, 28).
        warm: whether beta rises from 0, else it is 1 from the start.
        network: of NETWORKS.
        num_samples: K of the objective.
        seed: of all that is random.
        budget: epochs, batch size and step size.
        clock: gives the seconds that count.
    """
    torch.manual_seed(seed)
    one = model(network)
    optimizer = torch.optim.Adam(one.parameters(), lr=budget.learning_rate, eps=ADAM_EPS, fused=True)
    generator = torch.Generator().manual_seed(seed)
    steps = budget.epochs * -(-len(images) // budget.batch_size)
    curve, step, taken = Curve(), 0, 0.0
    for _ in range(budget.epochs):
        started = clock()
        for x in batches(images, budget.batch_size, generator=generator):
            optimizer.param_groups[0]["lr"] = budget.learning_rate * learning_rate_factor(
                step, steps, budget.warmup_steps
            )
            optimizer.zero_grad()
            loss(one, x, num_samples, beta(step, steps, warm)).backward()
            optimizer.step()
            step += 1
        taken += clock() - started
        curve.seconds.append(taken)
        curve.values.append(_likelihood(one, held_out, FEW_SAMPLES))
    active = solution("iwae")["active_units"](one, held_out, "variance")[0]
    return Curve(curve.seconds, curve.values, _likelihood(one, held_out, 10 * FEW_SAMPLES), active)


def _likelihood(one: nn.Module, images: torch.Tensor, num_samples: int) -> float:
    """Return the mean estimate of log p(x) in evaluation mode; random numbers are afterwards as before."""
    estimate = solution("iwae")["log_likelihood"]
    one.eval()
    generator = torch.Generator().manual_seed(0)
    parts = [estimate(one, x, num_samples, CHUNK, generator) for x in images.split(100)]
    one.train()
    return torch.cat(parts).mean().item()
