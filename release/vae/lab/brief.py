"""A short training for models that only illustrate something: no validation, no early stopping, no file.

`lab.fit` is the loop for models that are handed in; its checkpoints are looked for by name, and these must not be among
them. Called by the notebooks.
"""

import math
from collections.abc import Callable

import torch
from torch import nn

from lab.data import binarize
from lab.training import ADAM_EPS, learning_rate_factor

WARMUP_STEPS = 20


def train_briefly(
    build: Callable[[], nn.Module],
    step: Callable[[nn.Module, torch.optim.Optimizer, torch.Tensor], float],
    images: torch.Tensor,
    *,
    steps: int,
    batch_size: int = 50,
    learning_rate: float = 3e-3,
    seed: int = 0,
    prepare: Callable[[torch.Tensor, str, torch.Generator], torch.Tensor] = binarize,
) -> tuple[nn.Module, list[float]]:
    """Return a new model after a few steps, in evaluation mode, and the loss of each step.

    Everything random comes from the seed, and torch's global generator is afterwards as before. Training ends early
    where the loss is no finite number, with that loss as the last one.

    Args:
        build: returns the model with its initial weights.
        step: called as step(model, optimizer, x); makes one step of Adam and returns the loss as a float.
        images: training images as `lab.load` gives them, uint8, shape (N, 1, 28, 28); the model goes to their device.
        steps: how many, >= 1.
        batch_size: images a step, drawn with replacement.
        learning_rate: the highest; it rises for some steps, then decays as in `lab.fit`.
        seed: of the initial weights, the batches, the binarisation and the noise in the model.
        prepare: called as prepare(batch, "stochastic", generator); makes inputs of the model from grey levels.
    """
    cuda = [images.device.index or 0] if images.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        model = build().to(images.device)
        fused = images.device.type in ("cpu", "cuda")
        optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, eps=ADAM_EPS, fused=fused)
        generator = torch.Generator(images.device).manual_seed(seed)
        losses: list[float] = []
        while len(losses) < steps and (not losses or math.isfinite(losses[-1])):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * learning_rate_factor(len(losses), steps, WARMUP_STEPS)
            rows = torch.randint(len(images), (batch_size,), generator=generator, device=images.device)
            losses.append(step(model, optimizer, prepare(images[rows], "stochastic", generator)))
    return model.eval(), losses
