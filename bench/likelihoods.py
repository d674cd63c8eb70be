"""The likelihood with thousands of samples and both reconstruction errors, in two ways: of course projects, and of this kit.

Both evaluate models of the same size, 784–200–200–50 with tanh.
"""

import itertools
import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

from autograder.trained.estimate import estimate
from autograder.trained.networks import ConnectedDecoder, ConnectedEncoder
from bench.measure import Measurement, Way, Work, extra_mib, measure
from bench.training import HIDDEN, LATENT, LOG_2PI, PIXELS, mlp

NUM_SAMPLES, FEWER = 5000, 500
BATCH = 32  # images of the usual way, all of whose samples are decoded at once
GOAL = 4.3
EXTRA_GOAL_MIB = 200
GROWTH_GOAL_MIB = 20  # from FEWER to NUM_SAMPLES: some MiB are the allocator's; the usual way takes ten times as much


@dataclass(frozen=True)
class Likelihood:
    """What this kit's way takes, against the usual one.

    Args:
        usual_mib, ours_mib, fewer_mib: memory beyond what the process held before, in MiB: of the usual way, of ours, and of
            ours with a tenth of the samples; None where the system does not tell.
    """

    measurement: Measurement
    usual_mib: float | None
    ours_mib: float | None
    fewer_mib: float | None

    @property
    def growth_mib(self) -> float | None:
        """How much more memory ten times the samples take."""
        return None if self.ours_mib is None or self.fewer_mib is None else self.ours_mib - self.fewer_mib

    @property
    def met(self) -> bool:
        """Whether every goal that could be measured is met."""
        flat = self.growth_mib is None or self.growth_mib <= GROWTH_GOAL_MIB
        return self.measurement.met and flat and (self.ours_mib is None or self.ours_mib <= EXTRA_GOAL_MIB)


def compare(images: torch.Tensor, device: str = "cpu", *, pairs: int, scale: int = 1) -> Likelihood:
    """Measure the evaluation of the reference runs.

    Args:
        images: in {0, 1}, shape (N, 1, 28, 28), N at least BATCH.
        device: "cpu", where time is the processor's on one thread, or "cuda", where it is the clock's.
        scale: divides numbers of images and samples, to show that it runs.
    """
    images, many, fewer = images[: BATCH // scale].to(device), NUM_SAMPLES // scale, FEWER // scale
    torch.manual_seed(0)
    networks = ConnectedEncoder(LATENT).to(device), ConnectedDecoder(LATENT).to(device)
    model = SimpleNamespace(encoder=networks[0], decoder=networks[1], prior=None)
    usual = _all_at_once(images, many, *_usual_networks(device))
    estimate(model, images, 2)  # loads what torch loads on first use
    fewer_mib, ours_mib = (_typical_mib(lambda k=k: estimate(model, images, k), device) for k in (fewer, many))
    work = Work(
        name=f"on {device}",
        baseline=Way(lambda: _repeated(usual), len(images)),
        ours=Way(lambda: _repeated(lambda: estimate(model, images, many)), len(images)),
        goal=GOAL,
        sgemm_goal=None,
        flop=flop_per_image(many),
        device=device,
    )
    usual_mib = extra_mib(usual, device)
    found = measure(work, pairs=pairs, steps=1, sgemm_size=1024 // scale)
    return Likelihood(found, usual_mib=usual_mib, ours_mib=ours_mib, fewer_mib=fewer_mib)


def flop_per_image(num_samples: int) -> float:
    """Return the FLOP of the matrix products of one evaluation, an image, with the encoder run once."""
    encoder = PIXELS * HIDDEN + HIDDEN * HIDDEN + HIDDEN * 2 * LATENT
    decoder = LATENT * HIDDEN + HIDDEN * HIDDEN + HIDDEN * PIXELS
    return 2 * (encoder + num_samples * decoder)


def _typical_mib(run: Callable[[], object], device: str) -> float | None:
    """Return the median memory of some runs, as what the allocator keeps from one for the next differs by some MiB."""
    taken = [extra_mib(run, device) for _ in range(5)]
    return None if None in taken else statistics.median(taken)


def _repeated(evaluate: Callable[[], object]) -> Iterator[None]:
    for _ in itertools.count():
        evaluate()
        yield


def _usual_networks(device: str) -> tuple[nn.Module, nn.Module]:
    """Return an encoder, and a decoder of probabilities."""
    encoder = mlp(PIXELS, HIDDEN, HIDDEN, 2 * LATENT, normalize=True).to(device)
    decoder = nn.Sequential(mlp(LATENT, HIDDEN, HIDDEN, PIXELS, normalize=True), nn.Sigmoid()).to(device)
    return encoder.eval(), decoder.eval()


def _all_at_once(
    images: torch.Tensor, num_samples: int, encoder: nn.Module, decoder: nn.Module
) -> Callable[[], tuple[float, ...]]:
    """Return the usual way: all samples of a batch at once, and the log weights in the loss and again for the errors.

    It returns the sums over the images of the bound, the reconstruction error, and the weighted one.
    """

    def log_weights(x, theta, mu, log_var, z):
        copies = x.unsqueeze(0).expand_as(theta)
        error = F.binary_cross_entropy(theta, copies, reduction="none").sum(dim=2)
        log_q = (-0.5 * (LOG_2PI + log_var + (z - mu).pow(2) / torch.exp(log_var))).sum(dim=2)
        log_p_z = (-0.5 * (LOG_2PI + z.pow(2))).sum(dim=2)
        return log_p_z - error - log_q, error

    @torch.no_grad()
    def evaluate() -> tuple[float, ...]:
        x = images.view(len(images), -1)
        mu, log_var = encoder(x).chunk(2, dim=1)
        z = mu + torch.randn(num_samples, *mu.shape, device=x.device) * torch.exp(0.5 * log_var)
        theta = decoder(z.view(-1, LATENT)).view(num_samples, len(x), -1)
        log_w, _ = log_weights(x, theta, mu, log_var, z)
        bound = (torch.logsumexp(log_w, dim=0) - math.log(num_samples)).sum().item()
        log_w, error = log_weights(x, theta, mu, log_var, z)
        weighted = (torch.softmax(log_w, dim=0) * error).sum().item()
        return bound, error.mean(dim=0).sum().item(), weighted

    return evaluate
