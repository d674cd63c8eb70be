"""What a measured model is worth: the gates that follow from the reference runs in solutions/reference.yaml; see `reference`."""

import math
import statistics
from dataclasses import dataclass
from pathlib import Path

from autograder import catalogue
from autograder.course import ROOT, Course
from autograder.judging.rubric import Partial
from autograder.trained import likelihood
from autograder.trained.likelihood import ACTIVE_VARIANCE, Measurement
from lab import results

REFERENCE = ROOT / "solutions" / "reference.yaml"
MOVED_NATS = 5.0  # by how much more than any reference run an honest model may lose; calibrated in docs/measured.md
MIN_RUNS = 3
COMMON_SHARE = 0.5  # of what seeds change over all models: the few runs of one may lie close together by chance
MARGIN_DEVIATIONS = 4  # over seeds, by which a model may be worse than the mean, if that exceeds the course's margin
FEWER_UNITS, MORE_UNITS, SPARE_UNITS = 2, 1.5, 2  # active units: from half of the fewest to 1.5 times the most, and 2
ENCODER_USE_NATS = 20.0  # permuting the images for the encoder alone costs at least this much of the ELBO


class NoReference(Exception):
    """The thresholds for this data set and budget are missing: nothing can be judged, and no student is to blame."""


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
    name: str
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


def evaluation(measurement: Measurement, course: Course, name: str, reference: Path = REFERENCE) -> Evaluation:
    """Return the measurement with the gates that follow from the reference runs.

    The gates admit the weakest of the reference models: full marks at its mean − max(margin, 4 sd over seeds), with an sd of at
    least COMMON_SHARE of the root mean square over all models of the data set and budget. For a model with a learned prior these
    are the ones with that prior and those with N(0, I), so that no prior has to gain anything.

    Args:
        name: of the model, by the notebook's variable that holds it.
        reference: the file of reference runs.
    Raises:
        NoReference: there are no reference runs for the course's data set and budget.
    """
    conditions = f"{course.dataset} at {course.budget}"
    wanted = (*catalogue.models()[name].admits, name)
    known: dict[tuple[str, str], list[dict]] = {}
    for key, record in results.load(reference).items():
        dataset, budget, model, network, _ = key.split("/")
        if (dataset, budget) == (course.dataset, course.budget):
            known.setdefault((model, network), []).append(record)
    groups = {of: runs for of, runs in known.items() if of[0] in wanted}
    for model in wanted:
        if min((len(runs) for (of, _), runs in groups.items() if of == model), default=0) < MIN_RUNS:
            raise NoReference(
                f"solutions/reference.yaml holds fewer than {MIN_RUNS} reference runs of {model} for {conditions}: run `make reference`"
            )

    def gate(quantity: str) -> Gate:
        values = {of: [run[f"gate_{quantity}"] for run in runs] for of, runs in known.items()}
        variances = [statistics.variance(runs) for runs in values.values() if len(runs) >= MIN_RUNS]
        common = COMMON_SHARE * math.sqrt(statistics.mean(variances))

        def margin(runs: list[float]) -> float:
            return max(course.gate_margin_nats, MARGIN_DEVIATIONS * max(common, statistics.stdev(runs)))

        full = min(statistics.mean(values[of]) - margin(values[of]) for of in groups)
        return Gate(full=full, none=full - course.gate_width_nats)

    every = [run for runs in groups.values() for run in runs]
    units = [run["active_units"] for run in every]
    return Evaluation(
        measurement=measurement,
        bound_gate=gate("bound"),
        elbo_gate=gate("elbo"),
        active_window=(max(1, min(units) // FEWER_UNITS), math.ceil(MORE_UNITS * max(units)) + SPARE_UNITS),
        best_reference=max(run["gate_bound"] for run in every),
        suspicious_nats=course.suspicious_nats,
        conditions=f"{conditions}, {likelihood.NUM_SAMPLES} samples, stochastic binarisation drawn once",
        name=name,
        moved_limit=moved_limit(course, reference),
    )


def bounds(course: Course, reference: Path = REFERENCE) -> dict[str, tuple[float, float]]:
    """Return the lowest and the highest bound of the reference runs of each model, for the course's data set and budget."""
    found: dict[str, list[float]] = {}
    for key, record in results.load(reference).items():
        dataset, budget, model, *_ = key.split("/")
        if (dataset, budget) == (course.dataset, course.budget):
            found.setdefault(model, []).append(record["gate_bound"])
    return {model: (min(values), max(values)) for model, values in found.items()}


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
