"""The bound of a trained model, computed by the grader from what encoder and decoder return.

The encoder sees images and never codes; the decoder answers in a kernel of its own that sees codes and never an image, in an order
that only the grader knows, and answers some of them again in a fresh kernel: a decoder that remembers what it saw is refused.
Test images are public, so a decoder may hold them: the bound is also computed on the same images moved and turned, which nobody
can have. What a measured model is worth: see `gates`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from autograder.course import Course
from autograder.judging.draw import Draw
from autograder.kernel.failures import BadAnswer
from autograder.kernel.remote import Handle
from autograder.trained.prior import ROWS, Prior
from lab import binarize, load

IMAGES = 100  # spread evenly over the test images: the first ones are up to 2.6 nats easier than all
NUM_SAMPLES = 500
MOVED_IMAGES, MOVED_SAMPLES = 250, 20  # of which the bound is compared with that of the same images moved
# What separates best: a decoder that holds the test images, blurred as suits it, is then 20 nats worse there than models that learned.
DEGREES, PIXELS = 10.0, 1.0  # by which an image is turned, either way, and moved, any way
UNIT_IMAGES = 1000
MAX_LATENT_DIM = 512  # bounds the memory that a submission can make the grader take
MAX_CODE = 1e6
AGAIN = 64  # codes asked a second time, in a fresh kernel
ACTIVE_VARIANCE = 0.01  # Burda et al. (2016), section 5.2: variance over images of the posterior mean
LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class Measurement:
    """A trained model on held-out images with one fixed binarisation.

    Args:
        bound: importance weighted bound with NUM_SAMPLES samples, nats per image.
        elbo: Monte-Carlo ELBO from the same samples, nats per image.
        elbo_permuted: the same where each image meets the code of another, nats per image.
        active_units: latent dimensions whose posterior mean varies over images by more than ACTIVE_VARIANCE.
        latent_dim: D.
        moved_loss: how much lower the bound of MOVED_IMAGES with MOVED_SAMPLES is on the same images moved, nats per image.
    """

    bound: float
    elbo: float
    elbo_permuted: float
    active_units: int
    latent_dim: int
    moved_loss: float = 0.0


def held_out(course: Course, how: str = "fixed") -> torch.Tensor:
    """Return UNIT_IMAGES test images, (N, 1, 28, 28) in {0, 1}; every tenth of them is used for the bound.

    Args:
        course: says the data set.
        how: of `lab.binarize`.
    Raises:
        lab.DataError: the data set is missing or corrupt.
    """
    return binarize(_spread(load("test", dataset=course.dataset, root=course.data, device="cpu"), UNIT_IMAGES), how)


def moved(course: Course, draw: Draw) -> torch.Tensor:
    """Return MOVED_IMAGES held-out images, turned and moved in directions that nobody knows, (N, 1, 28, 28) in {0, 1}.

    Args:
        course: says the data set.
        draw: of directions and pixels.
    Raises:
        lab.DataError: the data set is missing or corrupt.
    """
    images = _spread(load("test", dataset=course.dataset, root=course.data, device="cpu"), UNIT_IMAGES)
    images = _spread(images, MOVED_IMAGES)
    # By the same angle and distance each, in directions drawn: angles drawn, too, would make the loss vary three times as much.
    turn = torch.deg2rad(DEGREES * torch.sign(draw.uniform(len(images), low=-1.0)))
    heading = draw.uniform(len(images), high=2 * math.pi)
    shift = PIXELS * torch.stack([torch.cos(heading), torch.sin(heading)], dim=1)
    return binarize(_turned(images, turn, shift), generator=torch.Generator().manual_seed(draw.seed()))


def _turned(images: torch.Tensor, turn: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Return bytes (N, 1, H, W) turned about the middle by radians (N,) and moved by pixels (N, 2); from outside comes 0."""
    rows = [torch.cos(turn), -torch.sin(turn), torch.sin(turn), torch.cos(turn)]
    # in units of half the side, as grid_sample has them
    shift = 2 * shift / torch.tensor(images.shape[-2:])
    grid = F.affine_grid(
        torch.cat([torch.stack(rows, 1).reshape(-1, 2, 2), shift[:, :, None]], 2),
        list(images.shape),
        align_corners=False,
    )
    # bicubic: a picture blurred by the turn would have more grey pixels, and each is a bit that nobody can foresee
    found = F.grid_sample(images.double(), grid, mode="bicubic", align_corners=False)
    return found.round().clamp(0, 255).to(torch.uint8)


def _spread(items: torch.Tensor, count: int) -> torch.Tensor:
    """Return `count` of the items, spread evenly."""
    return items[:: max(1, len(items) // count)][:count]


def measure(
    codes: tuple[torch.Tensor, torch.Tensor],
    fresh_decoder: Callable[[], Handle],
    images: torch.Tensor,
    draw: Draw,
    prior: Prior | None = None,
    elsewhere: torch.Tensor | None = None,
) -> Measurement:
    """Return the measurement of the model that the codes and the decoder belong to.

    Args:
        codes: of `posterior`, of the images and of those elsewhere; the kernel that saw them has ended since, so that it cannot tell
            the decoder's of them.
        fresh_decoder: starts a kernel that has seen neither image nor code of this model and returns its decoder.
        images: held-out images, (N, 1, 28, 28) in {0, 1}.
        draw: the noise, and the order in which codes are sent.
        prior: of `prior.prior_of`; asked before fresh_decoder is called, so it may live in the kernel that the first call uses.
        elsewhere: of `moved`: the images that the bound is computed on, moved and turned, in their order.
    Raises:
        StudentError: prior or decoder do not answer as agreed.
    """
    count, dim = len(images), codes[0].shape[1]
    x = _spread(images, IMAGES).double()
    m, lv = (_spread(part[:count], IMAGES) for part in codes)
    n = len(m)
    if prior is not None and prior.density.latent_dim != dim:
        raise BadAnswer(
            f"The prior's points have {prior.density.latent_dim} dimensions, the encoder's codes {dim}; expected the same."
        )
    rows, rest = _samples(m, lv, NUM_SAMPLES, prior, draw)
    if prior is not None:
        prior.check(rows, draw)
    order = torch.argsort(draw.uniform(len(rows)))
    own, other = torch.empty(len(rows), dtype=torch.float64), torch.empty(len(rows), dtype=torch.float64)
    again = order[torch.argsort(draw.uniform(len(rows)))[:AGAIN]]
    remembered = torch.empty(len(rows), dtype=torch.bool).fill_(False)
    remembered[again] = True
    first: dict[int, torch.Tensor] = {}
    decoder = fresh_decoder()
    for chunk in order.split(ROWS):
        logits = _logits(decoder, rows[chunk], x.shape[1:])
        image = chunk % n
        own[chunk] = _bernoulli(x[image], logits)
        other[chunk] = _bernoulli(x[(image + 1) % n], logits)
        first |= {int(i): logits[j] for j, i in enumerate(chunk) if remembered[i]}
    lost = 0.0 if elsewhere is None else moved_loss(codes, decoder, images, elsewhere, draw, prior)
    decoder = fresh_decoder()
    for chunk in again.split(7):
        logits = _logits(decoder, rows[chunk], x.shape[1:])
        if not torch.allclose(logits, torch.stack([first[int(i)] for i in chunk]), rtol=1e-3, atol=1e-3):
            raise BadAnswer(
                "decoder(z) gave one code different logits in other company or in another kernel; expected a function of z alone. "
                "Does it keep state between calls, use batch statistics in evaluation mode, or draw noise?"
            )
    own, other = own.reshape(NUM_SAMPLES, n), other.reshape(NUM_SAMPLES, n)
    log_w = own + rest
    return Measurement(
        bound=float(_bound(log_w).mean()),
        elbo=float(log_w.mean()),
        elbo_permuted=float((other + rest).mean()),
        active_units=int((codes[0][:count].var(0) > ACTIVE_VARIANCE).sum()),
        latent_dim=dim,
        moved_loss=lost,
    )


def moved_loss(
    codes: tuple[torch.Tensor, torch.Tensor],
    decoder: Handle,
    images: torch.Tensor,
    elsewhere: torch.Tensor,
    draw: Draw,
    prior: Prior | None = None,
) -> float:
    """Return how much lower the bound is on images moved than on the same as they are, nats per image; for the arguments see `measure`.

    Raises:
        remote.StudentError: the decoder does not answer as agreed.
    """
    here = [_spread(part[: len(images)], MOVED_IMAGES) for part in codes]
    both = [torch.cat([one, part[len(images) :]]) for one, part in zip(here, codes, strict=True)]
    x = torch.cat([_spread(images, MOVED_IMAGES), elsewhere]).double()
    rows, weights = _samples(*both, MOVED_SAMPLES, prior, draw)
    found = torch.empty(len(rows), dtype=torch.float64)
    for chunk in torch.argsort(draw.uniform(len(rows))).split(ROWS):
        found[chunk] = _bernoulli(x[chunk % len(x)], _logits(decoder, rows[chunk], x.shape[1:]))
    as_they_are, as_moved = _bound(found.reshape(MOVED_SAMPLES, -1) + weights).chunk(2)
    return float(as_they_are.mean() - as_moved.mean())


def _samples(
    m: torch.Tensor, lv: torch.Tensor, num_samples: int, prior: Prior | None, draw: Draw
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return codes as they are sent, (K·N, D), float32 as in training, and log p(z) - log q(z|x), (K, N).

    All densities at z as drawn; that the decoder gets it rounded is the decoder's affair. At the rounded z, log q would be as low
    as the encoder likes: a standard deviation below the rounding error makes (z - mu)² / exp(log_var) huge, and with it the bound.
    """
    eps = draw.normal(num_samples, *m.shape)
    z = m + torch.exp(lv / 2) * eps  # (K, N, D)
    log_q = -0.5 * (LOG_2PI + lv + eps**2).sum(-1)
    log_p = -0.5 * (LOG_2PI + z**2).sum(-1) if prior is None else prior.density.log_prob(z)
    return z.reshape(-1, m.shape[1]).float(), log_p - log_q


def _bound(log_w: torch.Tensor) -> torch.Tensor:
    """Return the importance weighted bound of each image, (N,), of log weights (K, N)."""
    return log_w.logsumexp(0) - math.log(len(log_w))


def posterior(encoder: Handle, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mu and log_var of the trained model's posterior, both (N, D).

    Args:
        encoder: of the trained model, in evaluation mode.
        images: held-out images, (N, 1, 28, 28) in {0, 1}.
    Raises:
        StudentError: the encoder does not answer as agreed.
    """
    parts = []
    for x in images.split(250):
        answer = encoder(x)
        if not (
            isinstance(answer, (tuple, list)) and len(answer) == 2 and all(isinstance(t, torch.Tensor) for t in answer)
        ):
            raise BadAnswer(f"encoder(x): expected (mu, log_var), got {type(answer).__name__}.")
        if any(t.dim() != 2 or t.shape != answer[0].shape or len(t) != len(x) or not t.shape[1] for t in answer):
            shapes = tuple(tuple(t.shape) for t in answer)
            raise BadAnswer(
                f"encoder(x) for x of shape {tuple(x.shape)}: expected mu and log_var of shape ({len(x)}, D), got {shapes}."
            )
        dim = answer[0].shape[1]
        if dim > MAX_LATENT_DIM or (parts and dim != parts[0].shape[-1]):
            raise BadAnswer(
                f"encoder(x): the latent dimension is {dim}; expected the same for all images, at most {MAX_LATENT_DIM}."
            )
        parts.append(torch.stack([t.detach().double() for t in answer]))
    mu, log_var = torch.cat(parts, 1)
    if not (mu.abs().max() < MAX_CODE and log_var.abs().max() < 50):  # false for NaN, too
        raise BadAnswer(
            f"encoder(x): mu or log_var of the trained model are not finite, or mu is beyond ±{MAX_CODE:g}, or log_var beyond ±50."
        )
    return mu, log_var


def _logits(decoder: Handle, z: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    logits = decoder(z)
    if not isinstance(logits, torch.Tensor) or logits.shape != (len(z), *shape):
        got = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise BadAnswer(
            f"decoder(z) for z of shape {tuple(z.shape)}: expected logits of shape {(len(z), *shape)}, got {got}."
        )
    if not logits.isfinite().all():
        raise BadAnswer("decoder(z): the trained model's logits are not all finite.")
    return logits.detach().double()


def _bernoulli(x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    return (x * logits - F.softplus(logits)).sum((-3, -2, -1))
