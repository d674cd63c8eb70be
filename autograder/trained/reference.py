"""Reference runs: what honest models reach on each data set and budget, from which `likelihood` takes its thresholds.

Two networks are trained with the reference solution's `train_step` and the prior N(0, I): the solution's convolutional one and, beside
it, the fully connected 784–200–200–50 one of Burda et al. (2016). Where the course's assignments have learned priors, the convolutional
one is trained with each of these, too; where they have bounds of several samples, a connected one with each of these. Finished runs are
kept, so an interrupted command goes on where it was.
"""

import contextlib
import dataclasses
import math
import statistics
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import torch
from torch import nn

import lab
from autograder.course import ROOT, Course
from autograder.judging.draw import Draw
from autograder.kernel.remote import in_process
from autograder.trained import likelihood

LATENT_DIM = 50
NUM_COMPONENTS = 20
NUM_FLOWS = 8
SEEDS = 5
SEEDS_OF_MANY = 3  # with MANY samples, where one run takes as long as ten others
MANY = 50
MOVED_DRAWS = 5
MULTI_SAMPLE = {  # what models of the assignment iwae are trained with: objective, and samples an image
    "vae_k1": ("vae", 1),
    "vae_k5": ("vae", 5),
    "iwae_k5": ("iwae", 5),
    "vae_k50": ("vae", 50),
    "iwae_k50": ("iwae", 50),
}
NUM_SAMPLES = 5000
GRADIENT_IMAGES, GRADIENT_RUNS = 100, 100
ROWS = {
    "cpu": 1000,
    "cuda": 500_000,
}  # codes at a time: larger blocks leave a processor's cache, smaller ones a GPU idle
FOLDED = 64  # numbers of at least a half in one product: 2^-64 is far from underflow


class ConnectedEncoder(nn.Module):
    """784–200–200–(50, 50), with tanh as in Burda et al. (2016), section 5, where nothing else is asked for."""

    def __init__(self, latent_dim: int, activation: type[nn.Module] = nn.Tanh):
        super().__init__()
        hidden = (nn.Flatten(), nn.Linear(784, 200), activation(), nn.Linear(200, 200), activation())
        self.layers = nn.Sequential(*hidden, nn.Linear(200, 2 * latent_dim))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mu, log_var = self.layers(x).chunk(2, dim=-1)
        return mu, log_var


class ConnectedDecoder(nn.Module):
    """50–200–200–784."""

    def __init__(self, latent_dim: int, activation: type[nn.Module] = nn.Tanh):
        super().__init__()
        hidden = (nn.Linear(latent_dim, 200), activation(), nn.Linear(200, 200), activation())
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
    def objective(self) -> str:
        """What is maximised: "vae", the mean of the samples' ELBOs, or "iwae", their importance weighted bound."""
        return MULTI_SAMPLE.get(self.model, ("vae", 1))[0]

    @property
    def num_samples(self) -> int:
        """Samples an image, K."""
        return MULTI_SAMPLE.get(self.model, ("vae", 1))[1]

    @property
    def name(self) -> str:
        """The model in the checkpoint's name."""
        if self.model in MULTI_SAMPLE:
            return self.objective
        return self.network if self.prior is None else self.model

    def key(self, course: Course) -> str:
        """Return the key of the run's record in solutions/reference.yaml."""
        return f"{course.dataset}/{course.budget}/{self.model}/{self.network}/seed{self.seed}"


def runs_for(assignments: Collection[str]) -> list[Run]:
    """Return the runs from which the gates of these assignments follow; N(0, I) belongs to all of them."""
    models = [name for of in assignments for name in likelihood.TRAINED.get(of, {}) if name != "vae"]
    kinds = [("vae", "convolutional"), ("vae", "connected")]
    kinds += [(name, "connected" if name in MULTI_SAMPLE else "convolutional") for name in models]
    every = [Run(model, network, seed) for seed in range(SEEDS) for model, network in kinds]
    return [run for run in every if run.num_samples < MANY or run.seed < SEEDS_OF_MANY]


def training_seconds(course: Course, assignment: str) -> float:
    """Return how long the networks of an assignment's notebook trained, with the fastest seed of each; 0 without reference runs."""
    known = lab.results.load(likelihood.REFERENCE)
    fastest: dict[str, float] = {}
    for of in runs_for([assignment]):
        # Of the two networks with N(0, I) the connected one is in no notebook.
        if of.model in likelihood.TRAINED[assignment] and (of.model, of.network) != ("vae", "connected"):
            seconds = known.get(of.key(course), {}).get("training_seconds", math.inf)
            fastest[of.model] = min(seconds, fastest.get(of.model, math.inf))
    return sum(seconds for seconds in fastest.values() if seconds < math.inf)


def build(of: Run, device: torch.device | str) -> nn.Module:
    """Return the untrained model of a run; whatever its prior, the networks of a seed start from the same weights."""
    torch.manual_seed(1000 + of.seed)
    if of.model in MULTI_SAMPLE:
        return _multi_sample(of).to(device)
    model = solution()["VAE"](latent_dim=LATENT_DIM)
    if of.network == "connected":
        model.encoder, model.decoder = ConnectedEncoder(LATENT_DIM), ConnectedDecoder(LATENT_DIM)
    if of.prior == "mixture":
        model.prior = solution("priors")["MixturePrior"](num_components=NUM_COMPONENTS, latent_dim=LATENT_DIM)
    elif of.prior == "flow":
        model.prior = solution("priors")["FlowPrior"](num_flows=NUM_FLOWS, latent_dim=LATENT_DIM)
    return model.to(device)


def _multi_sample(of: Run) -> nn.Module:
    """Return the untrained model of the notebook iwae: connected networks with SiLU, which trains faster than tanh on short budgets."""
    given = solution("iwae")

    class MultiSampleVAE(solution()["VAE"]):
        def forward(self, x):
            eps = torch.randn(of.num_samples, len(x), LATENT_DIM, dtype=x.dtype, device=x.device)
            if of.objective == "vae":
                return -self.elbo(x, eps).mean()
            return given["iwae_loss"](given["log_weights"](self, x, eps), "fast")

    model = MultiSampleVAE(latent_dim=LATENT_DIM)
    model.encoder, model.decoder = ConnectedEncoder(LATENT_DIM, nn.SiLU), ConnectedDecoder(LATENT_DIM, nn.SiLU)
    return model


def plan(of: Run, budget: str) -> lab.Budget:
    """Return how a run is trained: the connected network of `vae` for four times as many epochs, which cost a third each."""
    base = lab.BUDGETS[budget]
    if of.network == "convolutional" or of.model in MULTI_SAMPLE:
        return base
    # Measured: at quick's batches of 16, rates above this spread the tanh network's seeds over 13 nats.
    factor = 0.5 if budget == "quick" else 1.5
    return dataclasses.replace(base, epochs=4 * base.epochs, learning_rate=factor * base.learning_rate)


def run(course: Course, log: Callable[[str], None] = print) -> None:
    """Train and measure the reference runs of the course's data set and budget into solutions/reference.yaml.

    First all runs with what the gates need, then what one of each kind loses on moved images, then the likelihood with NUM_SAMPLES
    samples, then what the assignment iwae compares; what is there already is kept.
    """
    train_step = solution()["train_step"]
    device = lab.device()
    splits = ("train", "validation")
    images = {split: lab.load(split, dataset=course.dataset, root=course.data, device=device) for split in splits}
    held_out = likelihood.held_out(course).to(device)
    folder = ROOT / "solutions" / "checkpoints" / f"{course.dataset}-{course.budget}"
    thresholded = likelihood.held_out(course, "threshold").to(device)
    stages = (
        ("gate_bound", lambda of, model: gates(model.cpu(), held_out.cpu(), of.prior)),
        ("gate_moved", lambda of, model: moved_loss(model.cpu(), held_out.cpu(), of.prior, course)),
        ("log_likelihood", lambda of, model: likelihoods(model.to(device), held_out)),
        ("gradient_snr", lambda of, model: diagnostics(model, held_out, thresholded, of.num_samples)),
    )
    for entry, measured in stages:
        for of in runs_for(course.assignments):
            if entry == "gradient_snr" and of.model not in MULTI_SAMPLE:
                continue
            if entry == "gate_moved" and (of.seed or of.num_samples == MANY):
                continue  # seeds differ by half a nat, kinds by six
            key = of.key(course)
            if entry in lab.results.load(likelihood.REFERENCE).get(key, {}):
                log(f"{key}: {entry} is there already")
                continue
            model = build(of, device)
            budget = plan(of, course.budget)
            data = {"images": images["train"], "validation": images["validation"]}
            settings = {"name": of.name, "k": of.num_samples, "seed": of.seed, "budget": budget, "folder": folder}
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
            lab.results.merge(likelihood.REFERENCE, key, record)
            log(f"{key}: {entry} {record[entry]:.2f}")


def gates(model: nn.Module, images: torch.Tensor, prior: str | None) -> dict:
    """Return what the gates compare submissions with, measured in the same way.

    Args:
        model: on the processor.
        images: held-out images, (N, 1, 28, 28) in {0, 1}.
        prior: the kind of the model's prior, "mixture", "flow" or None.
    """
    handle = in_process({"vae": model.eval()}).object("vae")
    draw = Draw("reference")
    codes = likelihood.posterior(handle.attribute("encoder"), images)
    decoder, own = lambda: handle.attribute("decoder"), likelihood.prior_of(handle, prior)
    found = likelihood.measure(codes, decoder, images, draw, own)
    names = ("bound", "elbo", "elbo_permuted")
    return {f"gate_{name}": round(getattr(found, name), 3) for name in names} | {"active_units": found.active_units}


def moved_loss(model: nn.Module, images: torch.Tensor, prior: str | None, course: Course) -> dict:
    """Return how much lower the bound is on images moved, nats per image, in the mean over MOVED_DRAWS sets of them.

    Args:
        model: on the processor.
        images: held-out images of the course, (N, 1, 28, 28) in {0, 1}.
        prior: the kind of the model's prior, "mixture", "flow" or None.
        course: says the data set.
    """
    handle = in_process({"vae": model.eval()}).object("vae")
    encoder, decoder = handle.attribute("encoder"), handle.attribute("decoder")
    lost = []
    for number in range(MOVED_DRAWS):
        draw = Draw("reference", f"moved{number}")
        elsewhere = likelihood.moved(course, draw)
        codes = likelihood.posterior(encoder, torch.cat([images, elsewhere]))
        own = likelihood.prior_of(handle, prior)
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


def diagnostics(model: nn.Module, images: torch.Tensor, thresholded: torch.Tensor, num_samples: int) -> dict:
    """Return what tells an importance weighted autoencoder from a VAE beside its likelihood.

    Args:
        model: on the images' device.
        images, thresholded: held-out images, drawn once and cut at one half, (N, 1, 28, 28) in {0, 1}.
        num_samples: K of the bound whose gradient is looked at.
    """
    noise = {f"gradient_{name}": float(f"{value:.4g}") for name, value in gradient(model, images, num_samples).items()}
    bound = estimate(model.eval(), thresholded, NUM_SAMPLES).bound
    return noise | {
        "active_units_kl": solution("iwae")["active_units"](model, images, "kl")[0],
        "log_likelihood_thresholded": round(float(bound.mean()), 3),
    }


def gradient(model: nn.Module, images: torch.Tensor, num_samples: int) -> dict[str, float]:
    """Return variance and signal-to-noise ratio of the gradient of the bound for the encoder's first layer.

    Args:
        model: on the images' device.
        images: held-out images, of which the first GRADIENT_IMAGES are used.
        num_samples: K of the bound.
    """
    generator = torch.Generator(images.device).manual_seed(0)
    few = images[:GRADIENT_IMAGES]
    variance, snr = solution("iwae")["gradient_snr"](model, few, num_samples, GRADIENT_RUNS, generator)
    return {"variance": variance, "snr": snr}


@dataclasses.dataclass(frozen=True)
class Estimates:
    """What some samples of the posterior say about each image, each of shape (N,), float64 on the processor, in nats.

    Args:
        bound: the importance weighted bound, an estimate of log p(x) from below.
        elbo: of one sample, in the mean.
        reconstruction: -log p(x|z), in the mean over the samples.
        weighted_reconstruction: the same in their mean with normalised importance weights, an estimate of that under p(z|x).
    """

    bound: torch.Tensor
    elbo: torch.Tensor
    reconstruction: torch.Tensor
    weighted_reconstruction: torch.Tensor


@torch.inference_mode()
def estimate(model: nn.Module, x: torch.Tensor, num_samples: int) -> Estimates:
    """Return the estimates of each image; memory does not grow with num_samples.

    Args:
        model: in evaluation mode, on the device of x.
        x: images, (N, 1, 28, 28) in {0, 1}.
        num_samples: K.
    """
    posterior = model.encoder(x)  # once per image, never per sample
    generator = torch.Generator(x.device).manual_seed(0)
    rows = ROWS[x.device.type]
    parts = []
    for chunk in torch.arange(len(x), device=x.device).split(max(1, rows // num_samples)):
        mu, log_var = (part[chunk] for part in posterior)  # (n, D)
        nothing = torch.zeros(len(chunk), dtype=torch.float64, device=x.device)
        total, weighted, elbo, error, done = nothing - math.inf, nothing - math.inf, nothing, nothing, 0
        while done < num_samples:
            k = min(max(1, rows // len(chunk)), num_samples - done)
            eps = torch.randn(k, *mu.shape, generator=generator, device=x.device)
            z = mu + torch.exp(log_var / 2) * eps  # (k, n, D)
            logits = model.decoder(z.flatten(0, 1)).reshape(k, len(chunk), -1)
            log_p_x = _bernoulli_log_prob(x[chunk].flatten(1), logits).double()
            log_p_z = standard_normal_log_prob(z) if model.prior is None else model.prior.log_prob(z)
            log_q = standard_normal_log_prob(eps) - 0.5 * log_var.sum(1)
            log_w = log_p_x + (log_p_z - log_q)
            total = torch.logaddexp(total, log_w.logsumexp(0))
            weighted = torch.logaddexp(weighted, (log_w + torch.log(-log_p_x)).logsumexp(0))  # log p(x|z) < 0
            elbo, error = elbo + log_w.sum(0), error - log_p_x.sum(0)
            done += k
        parts.append(
            torch.stack([total - math.log(num_samples), elbo / done, error / done, torch.exp(weighted - total)])
        )
    return Estimates(*torch.cat(parts, dim=1).cpu())


def _bernoulli_log_prob(x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Return log p(x|z) of binary x (n, P) given logits (k, n, P), which are overwritten; shape (k, n).

    x l - softplus(l) = (x - 1/2) l - |l| / 2 + log sigmoid(|l|), where the last sum is the logarithm of products: a third of
    F.softplus's time on a processor.
    """
    signed = torch.einsum("np,knp->kn", x - 0.5, logits)
    size = logits.abs_()
    signed -= 0.5 * torch.linalg.vector_norm(size, ord=1, dim=-1)
    product, folded = size.sigmoid_(), 1
    while product.shape[-1] % 2 == 0 and folded < FOLDED:
        first, second = product.chunk(2, dim=-1)
        product, folded = first * second, 2 * folded
    return signed + product.log_().sum(-1)


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
