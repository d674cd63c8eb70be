"""Reference runs: what honest models reach on each data set and budget, from which `likelihood` takes its thresholds.

Two networks are trained with the reference solution's `train_step` and the prior N(0, I): the solution's convolutional one and, beside
it, the fully connected 784–200–200–50 one of Burda et al. (2016). Where the course's assignments have learned priors, the convolutional
one is trained with each of these, too. Finished runs are kept, so an interrupted command goes on where it was.
"""

import contextlib
import dataclasses
import math
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import lab
from autograder import likelihood
from autograder.course import ROOT, Course
from autograder.draw import Draw
from autograder.remote import in_process

LATENT_DIM = 50
NUM_COMPONENTS = 20
NUM_FLOWS = 8
SEEDS = 5
NUM_SAMPLES = 5000
ROWS = 1000  # codes at a time: larger blocks leave the processor's cache


class ConnectedEncoder(nn.Module):
    """784–200–200–(50, 50) with tanh (Burda et al. 2016, section 5)."""

    def __init__(self, latent_dim: int):
        super().__init__()
        hidden = (nn.Flatten(), nn.Linear(784, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh())
        self.layers = nn.Sequential(*hidden, nn.Linear(200, 2 * latent_dim))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mu, log_var = self.layers(x).chunk(2, dim=-1)
        return mu, log_var


class ConnectedDecoder(nn.Module):
    """50–200–200–784 with tanh."""

    def __init__(self, latent_dim: int):
        super().__init__()
        hidden = (nn.Linear(latent_dim, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh())
        self.layers = nn.Sequential(*hidden, nn.Linear(200, 784), nn.Unflatten(-1, (1, 28, 28)))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.layers(z)


def solution(assignment: str = "vae") -> dict:
    """Return the namespace of the reference solution in solutions/, whose modules of earlier assignments it may import."""
    path = ROOT / "solutions" / f"{assignment}.py"
    namespace = {"__name__": f"solutions.{assignment}"}
    with _importable(path.parent):
        exec(compile(path.read_text(), str(path), "exec"), namespace)
    return namespace


@dataclasses.dataclass(frozen=True)
class Run:
    """One reference run.

    Args:
        model: the notebook's variable that stands for such models, one of likelihood.PRIORS.
        network: "convolutional" or "connected".
        seed: of initial weights and training.
    """

    model: str
    network: str
    seed: int

    @property
    def prior(self) -> str | None:
        """What kind of prior the model has."""
        return likelihood.PRIORS[self.model]

    @property
    def name(self) -> str:
        """The model in the checkpoint's name."""
        return self.network if self.prior is None else self.model

    def key(self, course: Course) -> str:
        """Return the key of the run's record in solutions/reference.yaml."""
        return f"{course.dataset}/{course.budget}/{self.model}/{self.network}/seed{self.seed}"


def runs_for(assignments: Collection[str]) -> list[Run]:
    """Return the runs from which the gates of these assignments follow; N(0, I) belongs to all of them."""
    models = {name: prior for of in assignments for name, prior in likelihood.TRAINED.get(of, {}).items()}
    kinds = [("vae", "convolutional"), ("vae", "connected")]
    kinds += [(name, "convolutional") for name, prior in models.items() if prior is not None]
    return [Run(model, network, seed) for seed in range(SEEDS) for model, network in kinds]


def build(of: Run, device: torch.device | str) -> nn.Module:
    """Return the untrained model of a run; whatever its prior, the networks of a seed start from the same weights."""
    torch.manual_seed(1000 + of.seed)
    model = solution()["VAE"](latent_dim=LATENT_DIM)
    if of.network == "connected":
        model.encoder, model.decoder = ConnectedEncoder(LATENT_DIM), ConnectedDecoder(LATENT_DIM)
    if of.prior == "mixture":
        model.prior = solution("priors")["MixturePrior"](num_components=NUM_COMPONENTS, latent_dim=LATENT_DIM)
    elif of.prior == "flow":
        model.prior = solution("priors")["FlowPrior"](num_flows=NUM_FLOWS, latent_dim=LATENT_DIM)
    return model.to(device)


def plan(network: str, budget: str) -> lab.Budget:
    """Return how a network is trained: a connected epoch costs a third of a convolutional one, and four times as many are made."""
    base = lab.BUDGETS[budget]
    if network == "convolutional":
        return base
    # Measured: at quick's batches of 16, rates above this spread the tanh network's seeds over 13 nats.
    factor = 0.5 if budget == "quick" else 1.5
    return dataclasses.replace(base, epochs=4 * base.epochs, learning_rate=factor * base.learning_rate)


def run(course: Course, log: Callable[[str], None] = print) -> None:
    """Train and measure the reference runs of the course's data set and budget into solutions/reference.yaml.

    First all runs with what the gates need, then the likelihood with NUM_SAMPLES samples; what is there already is kept.
    """
    train_step = solution()["train_step"]
    device = lab.device()
    splits = ("train", "validation")
    images = {split: lab.load(split, dataset=course.dataset, root=course.data, device=device) for split in splits}
    held_out = likelihood.held_out(course)
    folder = ROOT / "solutions" / "checkpoints" / f"{course.dataset}-{course.budget}"
    for stage, entry in ((gates, "gate_bound"), (likelihoods, "log_likelihood")):
        for of in runs_for(course.assignments):
            key = of.key(course)
            if entry in lab.results.load(likelihood.REFERENCE).get(key, {}):
                log(f"{key}: {entry} is there already")
                continue
            model = build(of, device)
            budget = plan(of.network, course.budget)
            data = {"images": images["train"], "validation": images["validation"]}
            history = lab.fit(model, train_step, name=of.name, seed=of.seed, budget=budget, folder=folder, **data)
            # on a processor convolutions take a third less time with the channels last
            record = stage(model.cpu().to(memory_format=torch.channels_last), held_out, of.prior)
            record |= {
                "epochs": history.epochs,
                "learning_rate": budget.learning_rate,
                "training_seconds": round(history.seconds, 1),
                "device": str(history.device),
                "torch": str(history.torch),
                "binarization": "stochastic in training, fixed (one stochastic draw) in evaluation",
            }
            lab.results.merge(likelihood.REFERENCE, key, record)
            log(f"{key}: {entry} {record[entry]:.2f} nats per image")


def gates(model: nn.Module, images: torch.Tensor, prior: str | None) -> dict:
    """Return what the gates compare submissions with, measured in the same way.

    Args:
        model: on the processor.
        images: held-out images, (N, 1, 28, 28) in {0, 1}.
        prior: the kind of the model's prior, "mixture", "flow" or None.
    """
    handle = in_process({"vae": model.eval()}).object("vae")
    draw = Draw("reference")
    parts = handle.attribute("encoder"), lambda: handle.attribute("decoder")
    found = likelihood.measure(*parts, images, draw, likelihood.prior_of(handle, prior))
    names = ("bound", "elbo", "elbo_permuted")
    return {f"gate_{name}": round(getattr(found, name), 3) for name in names} | {"active_units": found.active_units}


def likelihoods(model: nn.Module, images: torch.Tensor, prior: str | None) -> dict:
    """Return the bound with NUM_SAMPLES samples and the ELBO on all held-out images; arguments as for `gates`."""
    started = time.perf_counter()
    bound, elbo = log_likelihood(model.eval(), images, NUM_SAMPLES)
    return {
        "log_likelihood": round(float(bound.mean()), 3),
        "log_likelihood_standard_error": round(float(bound.std() / math.sqrt(len(bound))), 3),
        "elbo": round(float(elbo.mean()), 3),
        "num_samples": NUM_SAMPLES,
        "images": len(images),
        "evaluation_seconds": round(time.perf_counter() - started, 1),
    }


@torch.inference_mode()
def log_likelihood(model: nn.Module, x: torch.Tensor, num_samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the importance weighted bound and the ELBO of each image, (N,) each, in nats; memory does not grow with K."""
    mu, log_var = model.encoder(x)  # once per image, never per sample
    generator = torch.Generator(x.device).manual_seed(0)
    bounds, elbos = [], []
    for i in range(len(x)):
        total, mean, done = torch.tensor(-math.inf, dtype=torch.float64), 0.0, 0
        while done < num_samples:
            k = min(ROWS, num_samples - done)
            eps = torch.randn(k, mu.shape[1], generator=generator, device=x.device)
            z = mu[i] + torch.exp(log_var[i] / 2) * eps
            logits = model.decoder(z).flatten(1)
            # softplus(l) = relu(l) − log sigmoid(|l|): a third of F.softplus's time on a processor
            log_x = logits @ x[i].flatten() - (F.relu(logits) - torch.sigmoid(logits.abs()).log_()).sum(1)
            log_p = standard_normal_log_prob(z) if model.prior is None else model.prior.log_prob(z)
            log_q = standard_normal_log_prob(eps) - 0.5 * log_var[i].sum()
            log_w = (log_x + log_p - log_q).double()
            total = torch.logaddexp(total, log_w.logsumexp(0).cpu())
            mean += float(log_w.sum())
            done += k
        bounds.append(total - math.log(num_samples))
        elbos.append(mean / num_samples)
    return torch.stack(bounds), torch.tensor(elbos, dtype=torch.float64)


def standard_normal_log_prob(z: torch.Tensor) -> torch.Tensor:
    """Return log N(z; 0, I), shape of z without its last axis."""
    return -0.5 * (likelihood.LOG_2PI + z**2).sum(-1)


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let modules of the folder be imported."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
