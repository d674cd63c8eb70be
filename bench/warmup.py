"""What KL warm-up gains: log p(x) against the processor time of training, with beta from 0 to 1 over the first part of the steps and without.

The objective of K samples with the weight beta of what a code costs is log 1/K sum of p(x|z) (p(z) / q(z|x))^beta; with K = 1 that is
the beta-VAE's. What is trained at the end, and what is measured, is the bound itself.

`python -m bench.warmup` trains all RUNS on MNIST at `standard`, some 80 minutes of one thread, and writes RECORD; an interrupted one goes
on where it stood. The text of the notebook `vae` and docs/measured.md say what stands there.
"""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import yaml
from torch import nn

import lab
from autograder.catalogue import solution
from autograder.trained.networks import ConnectedDecoder, ConnectedEncoder
from lab import BUDGETS, Budget, batches
from lab.training import ADAM_EPS, learning_rate_factor

SHARE = 0.4  # of the steps in which beta rises
LATENT = 50
CHUNK = 50  # samples decoded at a time
FEW_SAMPLES = 100  # of the estimate after each epoch, 1000 of that at the end
RECORD = Path(__file__).with_name("warmup.yaml")
IMAGES = 1000  # of the test set, which RECORD tells of
NETWORKS = {
    "SiLU": lambda: (ConnectedEncoder(LATENT, nn.SiLU), ConnectedDecoder(LATENT, nn.SiLU)),
    "tanh": lambda: (ConnectedEncoder(LATENT, nn.Tanh), ConnectedDecoder(LATENT, nn.Tanh)),
    "convolutional": None,  # the reference solution's own
}
# network, samples K of the objective, seeds
RUNS = (("SiLU", 1, (0, 1, 2)), ("tanh", 1, (0, 1)), ("SiLU", 5, (0, 1)), ("convolutional", 1, (0,)))


@dataclass(frozen=True)
class Curve:
    """One training.

    Attributes:
        seconds: processor time of training at the end of each epoch; what is measured in between is left out.
        values: estimate of log p(x) then, in nats per image.
        last: at the end, with ten times as many samples.
        elbo: at the end, in nats per image, mean over ten draws.
        active: units whose mean varies over the images, at the end.
    """

    seconds: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    last: float = float("nan")
    elbo: float = float("nan")
    active: int = 0

    def until(self, nats: float) -> float | None:
        """Return the seconds until the estimate first came up to `nats`; None where it never did."""
        return next((s for s, value in zip(self.seconds, self.values, strict=True) if value >= nats), None)


def model(network: str) -> nn.Module:
    """Return an untrained VAE of NETWORKS: 784–200–200–50 with SiLU or tanh, or the reference solution's convolutional one."""
    made = solution("vae")["VAE"](latent_dim=LATENT)
    if networks := NETWORKS[network]:
        made.encoder, made.decoder = networks()
    return made


def beta(step: int, steps: int, warm: bool) -> float:
    """Return the weight of what a code costs in a step, counted from 0."""
    return min(1.0, step / (SHARE * steps)) if warm else 1.0


def loss(one: nn.Module, x: torch.Tensor, num_samples: int, weight: float) -> torch.Tensor:
    """Return the negative objective, its mean over the images in nats; in closed form where K = 1."""
    vae, iwae = solution("vae"), solution("iwae")
    mu, log_var = one.encoder(x)
    eps = torch.randn(num_samples, *mu.shape)
    z = vae["reparameterize"](mu, log_var, eps)
    reconstruction = vae["bernoulli_log_prob"](x, one.decoder(z.flatten(0, 1)).unflatten(0, eps.shape[:2]))
    if num_samples == 1:
        return -(reconstruction[0] - weight * vae["kl_standard_normal"](mu, log_var)).mean()
    price = vae["gaussian_log_prob"](z, mu, log_var) - vae["gaussian_log_prob"](z, torch.zeros(()), torch.zeros(()))
    return -iwae["iwae_bound"](reconstruction - weight * price).mean()


def train(
    images: torch.Tensor,
    held_out: torch.Tensor,
    *,
    warm: bool,
    network: str = "SiLU",
    num_samples: int = 1,
    seed: int = 0,
    budget: Budget = BUDGETS["standard"],
    clock: Callable[[], float] = time.process_time,
) -> Curve:
    """Train as `lab.fit` does, without stopping early, and measure after each epoch.

    Args:
        images: training images, uint8, shape (N, 1, 28, 28).
        held_out: binary images, shape (M, 1, 28, 28).
        warm: whether beta rises from 0, else it is 1 from the start.
        network: of NETWORKS.
        num_samples: K of the objective.
        seed: of all that is random.
        budget: epochs, batch size and step size.
        clock: gives the seconds that count.
    """
    torch.manual_seed(seed)
    one = model(network)
    optimizer = torch.optim.Adam(one.parameters(), lr=budget.learning_rate, eps=ADAM_EPS, fused=True)
    generator = torch.Generator().manual_seed(seed)
    steps = budget.epochs * -(-len(images) // budget.batch_size)
    curve, step, taken = Curve(), 0, 0.0
    for _ in range(budget.epochs):
        started = clock()
        for x in batches(images, budget.batch_size, generator=generator):
            optimizer.param_groups[0]["lr"] = budget.learning_rate * learning_rate_factor(
                step, steps, budget.warmup_steps
            )
            optimizer.zero_grad()
            loss(one, x, num_samples, beta(step, steps, warm)).backward()
            optimizer.step()
            step += 1
        taken += clock() - started
        curve.seconds.append(taken)
        curve.values.append(_likelihood(one, held_out, FEW_SAMPLES))
    return dataclasses.replace(
        curve,
        last=_likelihood(one, held_out, 10 * FEW_SAMPLES),
        elbo=_elbo(one, held_out),
        active=solution("iwae")["active_units"](one, held_out, "variance")[0],
    )


def _likelihood(one: nn.Module, images: torch.Tensor, num_samples: int) -> float:
    """Return the mean estimate of log p(x) in evaluation mode; random numbers are afterwards as before."""
    estimate = solution("iwae")["log_likelihood"]
    one.eval()
    generator = torch.Generator().manual_seed(0)
    parts = [estimate(one, x, num_samples, CHUNK, generator) for x in images.split(100)]
    one.train()
    return torch.cat(parts).mean().item()


@torch.no_grad()
def _elbo(one: nn.Module, images: torch.Tensor) -> float:
    """Return the mean ELBO in evaluation mode; random numbers are afterwards as before."""
    one.eval()
    generator = torch.Generator().manual_seed(0)
    draws = [one.elbo(images, torch.randn(len(images), LATENT, generator=generator)).mean() for _ in range(10)]
    one.train()
    return torch.stack(draws).mean().item()


def table(found: list[dict]) -> str:
    """Return what a record holds, a row for each network, objective and seed; docs/measured.md has it."""
    sides = {(one["network"], one["samples"], one["seed"], one["warm"]): one for one in found}
    heads = [
        f"{'':32}{'beta = 1 from the start':30}   beta from 0 to 1".rstrip(),
        f"{'networks':15}{'objective':13}seed" + "     ELBO  log p(x)  active    s" * 2,
    ]
    rows = []
    for network, samples, seed in dict.fromkeys(run[:3] for run in sides):
        cells = [sides[network, samples, seed, warm] for warm in (False, True)]
        numbers = (
            f"  {one['elbo']:7.2f}   {one['log_likelihood']:7.2f}  {one['active']:6d}  {one['seconds']:3.0f}"
            for one in cells
        )
        objective = "ELBO" if samples == 1 else f"IWAE, K = {samples}"
        rows.append(f"{network:15}{objective:13}{seed:4d}" + "".join(numbers))
    return "\n".join([*heads, *rows])


def main() -> None:
    """Train what RECORD lacks, and write each into it as soon as it is trained; print its table."""
    torch.set_num_threads(1)
    images = lab.load("train", dataset="mnist", device="cpu")
    held_out = lab.binarize(lab.load("test", dataset="mnist", device="cpu")[:IMAGES], "fixed")
    found = yaml.safe_load(RECORD.read_text()) if RECORD.exists() else []
    for network, num_samples, seeds in RUNS:
        for seed in seeds:
            for warm in (False, True):
                run = {"network": network, "samples": num_samples, "seed": seed, "warm": warm}
                if any(run.items() <= one.items() for one in found):
                    continue
                curve = train(images, held_out, warm=warm, network=network, num_samples=num_samples, seed=seed)
                measured = {"elbo": curve.elbo, "log_likelihood": curve.last, "active": curve.active}
                found.append(run | measured | {"seconds": curve.seconds[-1]})
                print(found[-1], flush=True)
                rounded = [{k: round(v, 2) if isinstance(v, float) else v for k, v in one.items()} for one in found]
                RECORD.write_text(yaml.safe_dump(rounded, sort_keys=False))
    print(table(yaml.safe_load(RECORD.read_text())))


if __name__ == "__main__":
    main()
