"""Annealed importance sampling in two ways: as a plain loop over images and chains, and as the reference solution of gaps does it.

Both evaluate one decoder, 50–200–200–784 with SiLU, by the same number of leapfrog steps.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import torch
from torch import nn
from torch.distributions import Bernoulli, Normal

from autograder import catalogue
from autograder.trained.networks import ConnectedDecoder
from bench.measure import Measurement, Way, Work, measure
from bench.training import HIDDEN, LATENT, PIXELS

IMAGES, CHAINS, TEMPERATURES, LEAPFROG, STEP = 32, 10, 10, 8, 0.1
FEW = 2  # images, and chains, of the plain loop, whose cost of one does not depend on how many there are
GOAL = 20.0


def compare(images: torch.Tensor, device: str = "cpu", *, pairs: int, scale: int = 1) -> Measurement:
    """Measure both ways; what is called an image there is an image, chain and temperature here.

    Args:
        images: in {0, 1}, shape (N, 1, 28, 28), N at least IMAGES.
        device: "cpu", where time is the processor's on one thread, or "cuda", where it is the clock's.
        scale: divides the number of images, to show that it runs.
    """
    torch.manual_seed(0)
    images = images[: IMAGES // scale].to(device)
    model = SimpleNamespace(decoder=ConnectedDecoder(LATENT, nn.SiLU).to(device), prior=None, latent_dim=LATENT)
    ais = catalogue.solution("gaps")["ais_log_likelihood"]
    betas = torch.linspace(0, 1, TEMPERATURES + 1).tolist()
    work = Work(
        name=f"on {device}",
        baseline=Way(
            lambda: _repeated(lambda: plain(model, images[:FEW], FEW, betas, LEAPFROG, STEP)),
            FEW * FEW * TEMPERATURES,
        ),
        ours=Way(
            lambda: _repeated(lambda: ais(model, images, CHAINS, betas, LEAPFROG, STEP)),
            len(images) * CHAINS * TEMPERATURES,
        ),
        goal=GOAL,
        sgemm_goal=None,
        flop=flop(),
        device=device,
    )
    return measure(work, pairs=pairs, steps=4, sgemm_size=1024 // scale)


def flop() -> float:
    """Return the FLOP of the matrix products of one temperature of one chain: of the decoder, forward and back to the code."""
    decoder = LATENT * HIDDEN + HIDDEN * HIDDEN + HIDDEN * PIXELS
    return 2 * 2 * decoder * (LEAPFROG + 1)


def plain(
    model: SimpleNamespace, images: torch.Tensor, num_chains: int, betas: list[float], num_leapfrog: int, step: float
) -> torch.Tensor:
    """Return the estimate of each image, (B,), by a chain after the other and an image after the other."""
    prior = Normal(torch.zeros(model.latent_dim, device=images.device), 1.0)

    def log_likelihood(z: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        return Bernoulli(logits=model.decoder(z[None])[0]).log_prob(image).sum()

    def energy_and_slope(z: torch.Tensor, image: torch.Tensor, beta: float) -> tuple[torch.Tensor, torch.Tensor]:
        z = z.detach().requires_grad_()
        energy = -(prior.log_prob(z).sum() + beta * log_likelihood(z, image))
        (slope,) = torch.autograd.grad(energy, z)
        return energy.detach(), slope

    estimates = []
    for image in images:
        weights = []
        for _ in range(num_chains):
            z, log_w = prior.sample(), 0.0
            for previous, beta in itertools.pairwise(betas):
                with torch.no_grad():
                    log_w += (beta - previous) * log_likelihood(z, image).item()
                momentum = prior.sample()
                energy, slope = energy_and_slope(z, image, beta)
                before = energy + momentum.square().sum() / 2
                moved = z
                for _ in range(num_leapfrog):
                    momentum = momentum - step / 2 * slope
                    moved = moved + step * momentum
                    energy, slope = energy_and_slope(moved, image, beta)
                    momentum = momentum - step / 2 * slope
                after = energy + momentum.square().sum() / 2
                if torch.rand(()) < torch.exp(before - after).item():
                    z = moved
            weights.append(log_w)
        estimates.append(torch.tensor(weights).logsumexp(0) - math.log(num_chains))
    return torch.stack(estimates)


def _repeated(evaluate: Callable[[], object]) -> Iterator[None]:
    for _ in itertools.count():
        evaluate()
        yield
