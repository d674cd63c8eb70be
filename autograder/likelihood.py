"""The bound of a trained model, computed by the grader from what encoder and decoder return, and the gates it has to pass.

The encoder sees images and never codes; the decoder answers in a kernel of its own that sees codes and never an image, in an order
that only the grader knows, and answers some of them again in a fresh kernel: a decoder that remembers what it saw is refused.
Reference results come from solutions/reference.yaml; see `reference`.
"""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from autograder.course import ROOT, Course
from autograder.draw import Draw
from autograder.remote import BadAnswer, Handle
from autograder.rubric import Partial
from lab import binarize, load, results

REFERENCE = ROOT / "solutions" / "reference.yaml"
IMAGES = 100  # spread evenly over the test images: the first ones are up to 2.6 nats easier than all
NUM_SAMPLES = 500
UNIT_IMAGES = 1000
ROWS = 2000  # codes a call
MIN_RUNS = 3
MAX_LATENT_DIM = 512  # bounds the memory that a submission can make the grader take
MAX_CODE = 1e6
AGAIN = 64  # codes asked a second time, in a fresh kernel
ACTIVE_VARIANCE = 0.01  # Burda et al. (2016), section 5.4: variance over images of the posterior mean
ENCODER_USE_NATS = 20.0  # permuting the images for the encoder alone costs at least this much of the ELBO
LOG_2PI = math.log(2 * math.pi)


class NoReference(Exception):
    """The thresholds for this data set and budget are missing: nothing can be judged, and no student is to blame."""


@dataclass(frozen=True)
class Measurement:
    """A trained model on held-out images with one fixed binarisation.

    Args:
        bound: importance weighted bound with NUM_SAMPLES samples, nats per image.
        elbo: Monte-Carlo ELBO from the same samples, nats per image.
        elbo_permuted: the same where each image meets the code of another, nats per image.
        active_units: latent dimensions whose posterior mean varies over images by more than ACTIVE_VARIANCE.
        latent_dim: D.
    """

    bound: float
    elbo: float
    elbo_permuted: float
    active_units: int
    latent_dim: int


def held_out(course: Course) -> torch.Tensor:
    """Return UNIT_IMAGES test images in their fixed binarisation, (N, 1, 28, 28); every tenth of them is used for the bound.

    Raises:
        lab.DataError: the data set is missing or corrupt.
    """
    images = load("test", dataset=course.dataset, root=course.data, device="cpu")
    return binarize(images[:: max(1, len(images) // UNIT_IMAGES)][:UNIT_IMAGES], "fixed")


def measure(encoder: Handle, fresh_decoder: Callable[[], Handle], images: torch.Tensor, draw: Draw) -> Measurement:
    """Return the measurement of the model that the two handles belong to, with prior N(0, I).

    Args:
        encoder: of the trained model, in evaluation mode.
        fresh_decoder: starts a kernel that has seen neither image nor code and returns its decoder.
        images: held-out images, (N, 1, 28, 28) in {0, 1}.
        draw: the noise, and the order in which codes are sent.
    Raises:
        remote.StudentError: encoder or decoder do not answer as agreed.
    """
    mu, log_var = _posterior(encoder, images)
    x = images[:: max(1, len(images) // IMAGES)][:IMAGES].double()
    step = max(1, len(images) // IMAGES)
    m, lv = (t[::step][:IMAGES] for t in (mu, log_var))
    n, dim = m.shape
    eps = draw.normal(NUM_SAMPLES, n, dim)
    z = m + torch.exp(lv / 2) * eps  # (K, N, D)
    # Both densities at z as drawn; that the decoder gets it rounded is the decoder's affair. At the rounded z, log q would be as low as
    # the encoder likes: a standard deviation below the rounding error makes (z - mu)² / exp(log_var) huge, and with it the bound.
    log_q = -0.5 * (LOG_2PI + lv + eps**2).sum(-1)
    log_p = -0.5 * (LOG_2PI + z**2).sum(-1)
    rows = z.reshape(-1, dim).float()  # float32 as in training
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
    decoder = fresh_decoder()
    for chunk in again.split(7):
        logits = _logits(decoder, rows[chunk], x.shape[1:])
        if not torch.allclose(logits, torch.stack([first[int(i)] for i in chunk]), rtol=1e-3, atol=1e-3):
            raise BadAnswer(
                "decoder(z) gave one code different logits in other company or in another kernel; expected a function of z alone. "
                "Does it keep state between calls, use batch statistics in evaluation mode, or draw noise?"
            )
    own, other = own.reshape(NUM_SAMPLES, n), other.reshape(NUM_SAMPLES, n)
    rest = log_p - log_q
    log_w = own + rest
    return Measurement(
        bound=float((log_w.logsumexp(0) - math.log(NUM_SAMPLES)).mean()),
        elbo=float(log_w.mean()),
        elbo_permuted=float((other + rest).mean()),
        active_units=int((mu.var(0) > ACTIVE_VARIANCE).sum()),
        latent_dim=dim,
    )


@dataclass(frozen=True)
class Gate:
    """Full credit from `full` upwards, none below `none`, linear between; nats per image."""

    full: float
    none: float

    def credit(self, value: float) -> float:
        """Return the share that a value earns."""
        return min(1.0, max(0.0, (value - self.none) / (self.full - self.none)))


@dataclass(frozen=True)
class Evaluation:
    """A measurement with the gates of its data set and budget."""

    measurement: Measurement
    bound_gate: Gate
    elbo_gate: Gate
    active_window: tuple[int, int]
    best_reference: float
    suspicious_nats: float
    conditions: str

    @property
    def flags(self) -> list[str]:
        """What the instructor should look at."""
        better = self.measurement.bound - self.best_reference
        if better <= self.suspicious_nats:
            return []
        return [
            f"the trained model's bound is {better:.1f} nats better than every reference run: too good for an honest model?"
        ]

    def judge(self, name: str) -> None:
        """Raise Partial unless the measured `bound` or `elbo` earns full credit."""
        value, gate = getattr(self.measurement, name), getattr(self, f"{name}_gate")
        if gate.credit(value) < 1:
            raise Partial(
                gate.credit(value),
                f"The trained model's {name} on held-out images ({self.conditions}) is {value:.2f} nats per image; full marks from "
                f"{gate.full:.2f}, none below {gate.none:.2f}. Train longer, or look for an error in what is trained: the unit tests above say where.",
            )

    def judge_encoder_use(self) -> None:
        """Raise Partial unless giving the encoder other images costs the ELBO."""
        cost = self.measurement.elbo - self.measurement.elbo_permuted
        if cost < ENCODER_USE_NATS:
            raise Partial(
                0.0,
                f"Decoding each image from another image's code costs the ELBO {cost:.1f} nats per image; at least {ENCODER_USE_NATS:g} are "
                "expected of a model whose decoder uses its codes. Does the gradient reach the encoder through z?",
            )

    def judge_active_units(self) -> None:
        """Raise Partial unless the number of active units is in the window of the reference."""
        low, high = self.active_window
        units = self.measurement.active_units
        if not low <= units <= high:
            raise Partial(
                0.0,
                f"{units} of {self.measurement.latent_dim} latent dimensions are active (their posterior mean varies over images by more than "
                f"{ACTIVE_VARIANCE}); {low} to {high} are expected. Too few: the KL term is too strong, or z is not used. Too many: it is too weak, or "
                "the model was hardly trained.",
            )


def evaluation(measurement: Measurement, course: Course, reference: Path = REFERENCE) -> Evaluation:
    """Return the measurement with the gates that follow from the reference runs.

    The gates admit the weaker of the reference networks: full marks at its mean − max(margin, 4 sd over seeds).

    Raises:
        NoReference: there are no reference runs for the course's data set and budget.
    """
    conditions = f"{course.dataset} at {course.budget}"
    networks: dict[str, list[dict]] = {}
    for key, record in results.load(reference).items():
        dataset, budget, network, _ = key.split("/")
        if (dataset, budget) == (course.dataset, course.budget):
            networks.setdefault(network, []).append(record)
    if not networks or min(len(runs) for runs in networks.values()) < MIN_RUNS:
        raise NoReference(
            f"solutions/reference.yaml holds fewer than {MIN_RUNS} reference runs for {conditions}: run `make reference`"
        )

    def gate(name: str) -> Gate:
        values = [[run[f"gate_{name}"] for run in runs] for runs in networks.values()]
        full = min(statistics.mean(of) - max(course.gate_margin_nats, 4 * statistics.stdev(of)) for of in values)
        return Gate(full=full, none=full - course.gate_width_nats)

    every = [run for runs in networks.values() for run in runs]
    units = [run["active_units"] for run in every]
    return Evaluation(
        measurement=measurement,
        bound_gate=gate("bound"),
        elbo_gate=gate("elbo"),
        active_window=(max(1, min(units) // 2), math.ceil(1.5 * max(units)) + 2),
        best_reference=max(run["gate_bound"] for run in every),
        suspicious_nats=course.suspicious_nats,
        conditions=f"{conditions}, {NUM_SAMPLES} samples, stochastic binarisation drawn once",
    )


def _posterior(encoder: Handle, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
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
