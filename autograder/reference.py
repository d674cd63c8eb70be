"""Reference runs: what honest models reach on each data set and budget, from which `likelihood` takes its thresholds.

Two networks are trained with the reference solution's `train_step`: the solution's convolutional one and, beside it, the fully
connected 784–200–200–50 one of Burda et al. (2016). Finished runs are kept, so an interrupted command goes on where it was.
"""

import dataclasses
import math
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

import lab
from autograder import likelihood
from autograder.course import ROOT, Course
from autograder.draw import Draw
from autograder.remote import in_process

LATENT_DIM = 50
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
    """Return the namespace of the reference solution in solutions/."""
    path = ROOT / "solutions" / f"{assignment}.py"
    namespace = {"__name__": f"solutions.{assignment}"}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    return namespace


def build(network: str, names: dict, seed: int, device: torch.device | str) -> nn.Module:
    """Return an untrained model of a network, "convolutional" or "connected"."""
    torch.manual_seed(1000 + seed)
    model = names["VAE"](latent_dim=LATENT_DIM)
    if network == "connected":
        model.encoder, model.decoder = ConnectedEncoder(LATENT_DIM), ConnectedDecoder(LATENT_DIM)
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
    names = solution()
    device = lab.device()
    splits = ("train", "validation")
    images = {split: lab.load(split, dataset=course.dataset, root=course.data, device=device) for split in splits}
    held_out = likelihood.held_out(course)
    folder = ROOT / "solutions" / "checkpoints" / f"{course.dataset}-{course.budget}"
    runs = [(network, seed) for seed in range(SEEDS) for network in ("convolutional", "connected")]
    for stage, entry in ((gates, "gate_bound"), (likelihoods, "log_likelihood")):
        for network, seed in runs:
            key = f"{course.dataset}/{course.budget}/{network}/seed{seed}"
            if entry in lab.results.load(likelihood.REFERENCE).get(key, {}):
                log(f"{key}: {entry} is there already")
                continue
            model = build(network, names, seed, device)
            budget = plan(network, course.budget)
            data = {"images": images["train"], "validation": images["validation"]}
            history = lab.fit(model, names["train_step"], name=network, seed=seed, budget=budget, folder=folder, **data)
            # on a processor convolutions take a third less time with the channels last
            record = stage(model.cpu().to(memory_format=torch.channels_last), held_out)
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


def gates(model: nn.Module, images: torch.Tensor) -> dict:
    """Return what the gates compare submissions with, measured in the same way.

    Args:
        model: with prior N(0, I), on the processor.
        images: held-out images, (N, 1, 28, 28) in {0, 1}.
    """
    handle = in_process({"vae": model.eval()}).object("vae")
    draw = Draw("reference")
    found = likelihood.measure(handle.attribute("encoder"), lambda: handle.attribute("decoder"), images, draw)
    names = ("bound", "elbo", "elbo_permuted")
    return {f"gate_{name}": round(getattr(found, name), 3) for name in names} | {"active_units": found.active_units}


def likelihoods(model: nn.Module, images: torch.Tensor) -> dict:
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
            log_w = (log_x + 0.5 * (eps**2 + log_var[i] - z**2).sum(1)).double()
            total = torch.logaddexp(total, log_w.logsumexp(0).cpu())
            mean += float(log_w.sum())
            done += k
        bounds.append(total - math.log(num_samples))
        elbos.append(mean / num_samples)
    return torch.stack(bounds), torch.tensor(elbos, dtype=torch.float64)
