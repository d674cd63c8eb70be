"""Reference runs: what honest models reach on each data set and budget, from which `gates` takes its thresholds.

Every assignment declares which models it trains, with which networks (see `catalogue`); all are trained with the first assignment's
reference `train_step`. Finished runs are kept, so an interrupted command goes on where it was.
"""

import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Iterable

import torch
from torch import nn

import lab
from autograder import catalogue
from autograder.catalogue import LearnedPrior, Model, Network
from autograder.course import ROOT, Course
from autograder.judging.draw import Draw
from autograder.kernel.remote import in_process
from autograder.trained import likelihood
from autograder.trained.estimate import NUM_SAMPLES, estimate
from autograder.trained.gates import REFERENCE
from autograder.trained.prior import prior_of

MOVED_DRAWS = 5


@dataclasses.dataclass(frozen=True)
class Run:
    """One reference run.

    Args:
        model: what is trained.
        network: which of its networks.
        seed: of initial weights and training.
    """

    model: Model
    network: str
    seed: int

    @property
    def architecture(self) -> Network:
        """The network."""
        return self.model.networks[self.network]

    @property
    def name(self) -> str:
        """The model in the checkpoint's name."""
        return self.architecture.checkpoint or self.model.checkpoints[0]

    def key(self, course: Course) -> str:
        """Return the key of the run's record in solutions/reference.yaml."""
        return f"{course.dataset}/{course.budget}/{self.model.name}/{self.network}/seed{self.seed}"

    def build(self, device: torch.device | str = "cpu") -> nn.Module:
        """Return the untrained model; whatever its prior, the networks of a seed start from the same weights."""
        torch.manual_seed(1000 + self.seed)
        return self.architecture.build().to(device)

    def plan(self, budget: str) -> lab.Budget:
        """Return how it is trained."""
        return self.architecture.plan(lab.BUDGETS[budget], budget)


def runs_for(assignments: Iterable[str]) -> list[Run]:
    """Return the runs from which the gates of these assignments follow, those of the assignments that they build on among them."""
    models = catalogue.models(catalogue.with_earlier(assignments)).values()
    every = [
        (seed, model, network) for seed in range(catalogue.SEEDS) for model in models for network in model.networks
    ]
    return [Run(model, network, seed) for seed, model, network in every if seed < model.seeds]


def training_seconds(course: Course, assignment: str) -> float:
    """Return how long the networks of an assignment's notebook trained, with the fastest seed of each; 0 without reference runs."""
    known, seconds = lab.results.load(REFERENCE), 0.0
    for model in catalogue.of(assignment).models:
        runs = (Run(model, next(iter(model.networks)), seed) for seed in range(model.seeds))
        seconds += min((known[r.key(course)]["training_seconds"] for r in runs if r.key(course) in known), default=0.0)
    return seconds


def run(course: Course, log: Callable[[str], None] = print) -> None:
    """Train and measure the reference runs of the course's data set and budget into solutions/reference.yaml.

    First all runs with what the gates need, then what one of each kind loses on moved images, then the likelihood with NUM_SAMPLES
    samples, then what assignments compare their models by; what is there already is kept.
    """
    train_step = _train_step(course.assignments)
    device = lab.device()
    splits = ("train", "validation")
    images = {split: lab.load(split, dataset=course.dataset, root=course.data, device=device) for split in splits}
    held_out = likelihood.held_out(course).to(device)
    folder = ROOT / "solutions" / "checkpoints" / f"{course.dataset}-{course.budget}"
    thresholded = likelihood.held_out(course, "threshold").to(device)
    runs = runs_for(course.assignments)
    # seeds differ by half a nat in what they lose on moved images, kinds by six
    few = [of for of in runs if not of.seed and not of.model.costly]
    stages = [
        ("gate_bound", runs, lambda of, model: gates(model.cpu(), held_out.cpu(), of.model.prior)),
        ("gate_moved", few, lambda of, model: moved_loss(model.cpu(), held_out.cpu(), of.model.prior, course)),
        ("log_likelihood", runs, lambda of, model: likelihoods(model.to(device), held_out)),
    ]
    for assignment in map(catalogue.of, catalogue.with_earlier(course.assignments)):
        if (comparison := assignment.comparison) is not None:
            compared = [of for of in runs if of.model in assignment.models]
            stages.append(
                (
                    comparison.entry,
                    compared,
                    lambda of, model, measures=comparison.measures: measures(
                        model, held_out, thresholded, of.model.num_samples
                    ),
                )
            )
    for entry, those, measured in stages:
        for of in those:
            key = of.key(course)
            if entry in lab.results.load(REFERENCE).get(key, {}):
                log(f"{key}: {entry} is there already")
                continue
            model = of.build(device)
            budget = of.plan(course.budget)
            data = {"images": images["train"], "validation": images["validation"]}
            settings = {"name": of.name, "k": of.model.num_samples, "seed": of.seed, "budget": budget, "folder": folder}
            history = lab.fit(model, train_step, **settings, **data)
            # on a processor convolutions take a third less time with the channels last
            record = measured(of, model.to(memory_format=torch.channels_last))
            record |= {
                "epochs": history.epochs,
                "learning_rate": budget.learning_rate,
                "training_seconds": round(history.seconds, 1),
                "device": str(history.device),
                "torch": str(history.torch),
                "binarization": "stochastic in training, fixed (one stochastic draw) in evaluation",
            }
            lab.results.merge(REFERENCE, key, record)
            log(f"{key}: {entry} {record[entry]:.2f}")


def gates(model: nn.Module, images: torch.Tensor, prior: LearnedPrior | None) -> dict:
    """Return what the gates compare submissions with, measured in the same way.

    Args:
        model: on the processor.
        images: held-out images, (N, 1, 28, 28) in {0, 1}.
        prior: which prior the model has, None for N(0, I).
    """
    handle = in_process({"vae": model.eval()}).variable("vae")
    draw = Draw("reference")
    codes = likelihood.posterior(handle.attribute("encoder"), images)
    decoder, own = lambda: handle.attribute("decoder"), prior_of(handle, prior)
    found = likelihood.measure(codes, decoder, images, draw, own)
    names = ("bound", "elbo", "elbo_permuted")
    return {f"gate_{name}": round(getattr(found, name), 3) for name in names} | {"active_units": found.active_units}


def moved_loss(model: nn.Module, images: torch.Tensor, prior: LearnedPrior | None, course: Course) -> dict:
    """Return how much lower the bound is on images moved, nats per image, in the mean over MOVED_DRAWS sets of them.

    Args:
        model: on the processor.
        images: held-out images of the course, (N, 1, 28, 28) in {0, 1}.
        prior: which prior the model has, None for N(0, I).
        course: says the data set.
    """
    handle = in_process({"vae": model.eval()}).variable("vae")
    encoder, decoder = handle.attribute("encoder"), handle.attribute("decoder")
    lost = []
    for number in range(MOVED_DRAWS):
        draw = Draw("reference", f"moved{number}")
        elsewhere = likelihood.moved(course, draw)
        codes = likelihood.posterior(encoder, torch.cat([images, elsewhere]))
        own = prior_of(handle, prior)
        lost.append(likelihood.moved_loss(codes, decoder, images, elsewhere, draw, own))
    return {"gate_moved": round(statistics.mean(lost), 3)}


def likelihoods(model: nn.Module, images: torch.Tensor) -> dict:
    """Return the estimates with NUM_SAMPLES samples on all held-out images, on whose device the model is."""
    started = time.perf_counter()
    found = estimate(model.eval(), images, NUM_SAMPLES)
    return {
        "log_likelihood": round(float(found.bound.mean()), 3),
        "log_likelihood_standard_error": round(float(found.bound.std() / math.sqrt(len(images))), 3),
        "elbo": round(float(found.elbo.mean()), 3),
        "reconstruction": round(float(found.reconstruction.mean()), 3),
        "weighted_reconstruction": round(float(found.weighted_reconstruction.mean()), 3),
        "num_samples": NUM_SAMPLES,
        "images": len(images),
        "evaluation_seconds": round(time.perf_counter() - started, 1),
    }


def _train_step(assignments: Iterable[str]) -> Callable:
    """Return the train_step of the first reference solution that has one."""
    solutions = map(catalogue.solution, catalogue.with_earlier(assignments))
    return next(names["train_step"] for names in solutions if "train_step" in names)
