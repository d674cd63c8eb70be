"""The bound of a trained model, computed by the grader from what encoder and decoder return, and the gates it has to pass.

The encoder sees images and never codes; the decoder answers in a kernel of its own that sees codes and never an image, in an order
that only the grader knows, and answers some of them again in a fresh kernel: a decoder that remembers what it saw is refused.
A learned prior counts with the density that its parameters stand for, and is refused where its own log_prob gives another.
Test images are public, so a decoder may hold them: the bound is also computed on the same images moved and turned, which nobody
can have, and what it loses there beyond what honest models lose is taken off.
Reference results come from solutions/reference.yaml; see `reference`.
"""

import contextlib
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from autograder.course import ROOT, Course
from autograder.judging.draw import Draw
from autograder.judging.oracles import Planar
from autograder.judging.rubric import Partial
from autograder.kernel.failures import BadAnswer, Raised
from autograder.kernel.remote import Handle
from autograder.trained.densities import Flow, Mixture
from lab import binarize, load, results

# the notebook's variables that hold trained models, and what kind of prior each has, by assignment
TRAINED: dict[str, dict[str, str | None]] = {
    "vae": {"vae": None},
    "priors": {"vae_mixture": "mixture", "vae_flow": "flow"},
    "iwae": {"vae_k1": None, "vae_k5": None, "iwae_k5": None, "vae_k50": None, "iwae_k50": None},
}
PRIORS = {name: kind for models in TRAINED.values() for name, kind in models.items()}
REFERENCE = ROOT / "solutions" / "reference.yaml"
IMAGES = 100  # spread evenly over the test images: the first ones are up to 2.6 nats easier than all
NUM_SAMPLES = 500
MOVED_IMAGES, MOVED_SAMPLES = 250, 20  # of which the bound is compared with that of the same images moved
# What separates best: a decoder that holds the test images, blurred as suits it, is then 20 nats worse there than models that learned.
DEGREES, PIXELS = 10.0, 1.0  # by which an image is turned, either way, and moved, any way
MOVED_NATS = 5.0  # by how much more than any reference run an honest model may lose; calibrated in README, Limits
UNIT_IMAGES = 1000
ROWS = 2000  # codes a call
MIN_RUNS = 3
MAX_LATENT_DIM = 512  # bounds the memory that a submission can make the grader take
MAX_CODE = 1e6
AGAIN = 64  # codes asked a second time, in a fresh kernel
ACTIVE_VARIANCE = 0.01  # Burda et al. (2016), section 5.2: variance over images of the posterior mean
CALLED = {"mixture": "MixturePrior", "flow": "FlowPrior"}
MAX_NUMBERS = 100_000  # in a prior's largest parameter: bounds the grader's time, as MAX_LATENT_DIM does its memory
MAX_LOG_VAR = 50
PRIOR_POINTS = 2000  # drawn from the prior, among the codes of images
AGREEING = 0.99  # share of the codes where log_prob has to agree: one with a floor of its own may differ at some
TOLERANCE = 1e-3  # relative, and absolute in nats: what the assignment asks of float32; rounding is below a tenth of it
MASS = 0.15  # by which the mean of p_student / p at points of p may miss 1
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


@dataclass(frozen=True)
class Prior:
    """A learned prior.

    Args:
        handle: the submission's own.
        density: what the contract says its parameters stand for.
        called: its class, for messages.
    """

    handle: Handle
    density: Mixture | Flow
    called: str

    def check(self, codes: torch.Tensor, draw: Draw) -> None:
        """Ask for log_prob at codes, with points drawn from the density among them, in mixed order.

        No chance is left in the verdict: a log_prob that agrees to TOLERANCE passes, as each ratio at points drawn from the
        density is then within exp(±0.001 (1 + |log p|)) of 1, which is 0.93 to 1.08 at 70 nats.

        Raises:
            BadAnswer: it is not the density, at the codes or where the prior has its mass.
        """
        rows = torch.cat([codes, self.density.sample(PRIOR_POINTS, draw).float()])
        order = torch.argsort(draw.uniform(len(rows)))
        found = torch.empty(len(rows), dtype=torch.float64)
        for chunk in order.split(ROWS):
            found[chunk] = self._ask(rows[chunk])
        expected = self.density.log_prob(rows.double())
        difference = (found - expected).abs()
        agrees = difference[: len(codes)] <= TOLERANCE * (1 + expected[: len(codes)].abs())  # False for NaN
        if agrees.double().mean() < AGREEING:
            raise BadAnswer(
                f"{self.called}.log_prob(z) at the trained model's codes: expected the density that its parameters stand for, "
                f"got another one at {1 - agrees.double().mean():.0%} of the codes, {difference[: len(codes)].median():.3g} nats off at the median. "
                f"No bound was computed: correct {self.called}, delete the checkpoint and train again."
            )
        ratio = (
            torch.exp(found - expected)[len(codes) :].nan_to_num(0.0).clamp_max(2.0)
        )  # bounded: one point cannot make the mean
        if abs(ratio.mean() - 1) > MASS:
            raise BadAnswer(
                f"{self.called}.log_prob(z) at points drawn from the prior: exp(log_prob(z)) over the density that its parameters stand "
                f"for, cut at 2, is {ratio.mean():.2f} in the mean; expected 1, as of a density that integrates to one. "
                "Does it treat some z otherwise?"
            )

    def _ask(self, z: torch.Tensor) -> torch.Tensor:
        answer = self.handle.log_prob(z)
        if not isinstance(answer, torch.Tensor) or answer.shape != z.shape[:1] or not answer.is_floating_point():
            got = (
                f"{answer.dtype} of shape {tuple(answer.shape)}"
                if isinstance(answer, torch.Tensor)
                else type(answer).__name__
            )
            raise BadAnswer(
                f"{self.called}.log_prob(z) for z of shape {tuple(z.shape)}: expected floats of shape ({len(z)},), got {got}."
            )
        return answer.detach().double()


def prior_of(model: Handle, kind: str | None) -> Prior | None:
    """Return a trained model's prior, None for N(0, I).

    Args:
        model: in evaluation mode, in a kernel that has seen no image: a prior does not know what it is asked about.
        kind: "mixture", "flow" or None: which prior the model is asked to have.
    Raises:
        StudentError: it has another one, or parameters that the contract does not allow.
    """
    if kind is None:
        with contextlib.suppress(BadAnswer):  # an object that is no plain value
            if model.value("prior") is None:
                return None
        raise BadAnswer("The trained model's prior: expected None, the standard normal prior, got another one.")
    handle, called = model.attribute("prior"), CALLED[kind]
    try:
        parameters = handle.state().parameters
    except Raised:
        raise BadAnswer(f"The trained model's prior: expected a {called}, got no module at all.") from None
    return Prior(handle, (_mixture if kind == "mixture" else _flow)(parameters), called)


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
        prior: of `prior_of`; asked before fresh_decoder is called, so it may live in the kernel that the first call uses.
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
    """A measurement with the gates of its data set, budget and prior; `name` is the notebook's variable of the model."""

    measurement: Measurement
    bound_gate: Gate
    elbo_gate: Gate
    active_window: tuple[int, int]
    best_reference: float
    suspicious_nats: float
    conditions: str
    name: str = "vae"
    moved_limit: float = math.inf

    @property
    def excess(self) -> float:
        """By how much more than an honest model this one loses on moved images, nats per image; 0 for honest ones."""
        lost = self.measurement.moved_loss
        return 0.0 if lost <= self.moved_limit else lost - self.moved_limit

    @property
    def flags(self) -> list[str]:
        """What the instructor should look at."""
        better, found = self.measurement.bound - self.best_reference, []
        if better > self.suspicious_nats:
            found.append(
                f"the bound of the trained model {self.name} is {better:.1f} nats better than every reference run: too good for an honest model?"
            )
        if self.excess:
            found.append(
                f"{self._moved()}: does its decoder hold the public test images? The excess was taken off its bound and its ELBO"
            )
        return found

    def _moved(self) -> str:
        return (
            f"the bound of the trained model {self.name} is {self.measurement.moved_loss:.1f} nats lower on the held-out images moved and "
            f"turned a little; models trained on the training images lose at most {self.moved_limit:.1f}"
        )

    def judge(self, name: str) -> None:
        """Raise Partial unless the measured `bound` or `elbo`, less the excess, earns full credit."""
        measured, gate = getattr(self.measurement, name), getattr(self, f"{name}_gate")
        value = measured - self.excess
        if gate.credit(value) < 1:
            less = f", judged as {value:.2f}, because {self._moved()}" if self.excess else ""
            raise Partial(
                gate.credit(value),
                f"The {name} of the trained model {self.name} on held-out images ({self.conditions}) is {measured:.2f} nats per image{less}; "
                f"full marks from {gate.full:.2f}, none below {gate.none:.2f}. "
                "Train longer, or look for an error in what is trained: the unit tests above say where.",
            )

    def judge_encoder_use(self) -> None:
        """Raise Partial unless giving the encoder other images costs the ELBO."""
        cost = self.measurement.elbo - self.measurement.elbo_permuted
        if cost < ENCODER_USE_NATS:
            raise Partial(
                0.0,
                f"Decoding each image from another image's code costs the ELBO of {self.name} {cost:.1f} nats per image; at least "
                f"{ENCODER_USE_NATS:g} are expected of a model whose decoder uses its codes. Does the gradient reach the encoder through z?",
            )

    def judge_active_units(self) -> None:
        """Raise Partial unless the number of active units is in the window of the reference."""
        low, high = self.active_window
        units = self.measurement.active_units
        if not low <= units <= high:
            high = max(low, min(high, self.measurement.latent_dim))  # no model has more than it has dimensions
            raise Partial(
                0.0,
                f"{units} of {self.measurement.latent_dim} latent dimensions of {self.name} are active (their posterior mean varies "
                f"over images by more than {ACTIVE_VARIANCE}); {low} to {high} are expected. Too few: the KL term is too strong, or z is not used. Too many: it is too weak, or "
                "the model was hardly trained.",
            )


def evaluation(measurement: Measurement, course: Course, name: str = "vae", reference: Path = REFERENCE) -> Evaluation:
    """Return the measurement with the gates that follow from the reference runs.

    The gates admit the weakest of the reference models: full marks at its mean − max(margin, 4 sd over seeds). For a model with
    a learned prior these are the ones with that prior and those with N(0, I), so that no prior has to gain anything.

    Args:
        name: the notebook's variable that holds the model, one of TRAINED.
        reference: the file of reference runs.
    Raises:
        NoReference: there are no reference runs for the course's data set and budget.
    """
    conditions = f"{course.dataset} at {course.budget}"
    wanted = (name,) if PRIORS[name] is None else ("vae", name)
    groups: dict[tuple[str, str], list[dict]] = {}
    for key, record in results.load(reference).items():
        dataset, budget, model, network, _ = key.split("/")
        if (dataset, budget) == (course.dataset, course.budget) and model in wanted:
            groups.setdefault((model, network), []).append(record)
    for model in wanted:
        if min((len(runs) for (of, _), runs in groups.items() if of == model), default=0) < MIN_RUNS:
            raise NoReference(
                f"solutions/reference.yaml holds fewer than {MIN_RUNS} reference runs of {model} for {conditions}: run `make reference`"
            )

    def gate(quantity: str) -> Gate:
        values = [[run[f"gate_{quantity}"] for run in runs] for runs in groups.values()]
        full = min(statistics.mean(of) - max(course.gate_margin_nats, 4 * statistics.stdev(of)) for of in values)
        return Gate(full=full, none=full - course.gate_width_nats)

    every = [run for runs in groups.values() for run in runs]
    units = [run["active_units"] for run in every]
    return Evaluation(
        measurement=measurement,
        bound_gate=gate("bound"),
        elbo_gate=gate("elbo"),
        active_window=(max(1, min(units) // 2), math.ceil(1.5 * max(units)) + 2),
        best_reference=max(run["gate_bound"] for run in every),
        suspicious_nats=course.suspicious_nats,
        conditions=f"{conditions}, {NUM_SAMPLES} samples, stochastic binarisation drawn once",
        name=name,
        moved_limit=moved_limit(course, reference),
    )


def moved_limit(course: Course, reference: Path = REFERENCE) -> float:
    """Return the most that an honest model's bound loses on moved images, nats per image; infinite without reference runs of it.

    MOVED_NATS more than the reference run of the data set and budget that loses most, whatever its model.
    """
    runs = (
        record
        for key, record in results.load(reference).items()
        if key.startswith(f"{course.dataset}/{course.budget}/")
    )
    return max((record["gate_moved"] for record in runs if "gate_moved" in record), default=math.inf) + MOVED_NATS


def _mixture(parameters: dict[str, torch.Tensor]) -> Mixture:
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


def _flow(parameters: dict[str, torch.Tensor]) -> Flow:
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
    layers = [Planar(*(_bounded("FlowPrior", t) for t in (u, w, b.reshape(())))) for u, w, b in layers]
    if not all(layer.w.any() for layer in layers):
        raise BadAnswer("The trained FlowPrior's layers: expected w other than zero, got a layer with w = 0.")
    return Flow(tuple(layers))


def _bounded(called: str, parameter: torch.Tensor) -> torch.Tensor:
    """Return a parameter in double precision, if its values are finite and below MAX_CODE."""
    if not parameter.is_floating_point() or not parameter.abs().max() < MAX_CODE:  # false for NaN, too
        raise BadAnswer(f"The trained {called}'s parameters: expected finite floats within ±{MAX_CODE:g}, got others.")
    return parameter.detach().double()


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
