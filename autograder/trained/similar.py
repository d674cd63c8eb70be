"""Short sketches of the weights that a submission came with, from which copies are known; `shared` compares them.

A sketch is a random projection of a model's weights: the distance of two sketches is about that of the weights, as a share of their size.
Not seen in it: weights whose units were permuted.
"""

import hashlib
import math
from collections.abc import Mapping
from contextlib import suppress

import torch
from safetensors.torch import load

from autograder.intake.damage import damage
from autograder.reporting.report import Sketch

SIZE = 128  # numbers of a sketch: the distance is right to about 1 / sqrt(2 · SIZE) = 6 %
CHUNK = 2**20  # weights that are projected at once
SEED = 20131220


def sketches(files: Mapping[str, bytes]) -> dict[str, Sketch]:
    """Return a sketch of each checkpoint among a submission's files, by its name; of what is no sound checkpoint, none."""
    found = {}
    for path, content in files.items():
        if path.endswith(".safetensors") and not damage(content):
            with suppress(
                Exception
            ):  # a kind of numbers that torch does not know: the notebook will say so when it loads it
                found[path.rsplit("/", 1)[-1].removesuffix(".safetensors")] = sketch(load(content))
    return found


def sketch(tensors: Mapping[str, torch.Tensor]) -> Sketch:
    """Return the sketch of a model's weights: each tensor counts as its share of the numbers, whatever its scale."""
    layout, total = hashlib.sha256(), torch.zeros(SIZE, dtype=torch.float64)
    count = sum(tensor.numel() for tensor in tensors.values())
    generator = torch.Generator().manual_seed(SEED)
    for name in sorted(tensors):
        layout.update(f"{name} {tuple(tensors[name].shape)}\n".encode("utf-8", "replace"))
        values = tensors[name].detach().flatten()
        scale = _size(values)
        for chunk in values.split(CHUNK):
            place = torch.randint(SIZE, chunk.shape, generator=generator)
            sign = torch.randint(2, chunk.shape, generator=generator) * 2 - 1
            total.index_add_(0, place, _finite(chunk) / scale * sign)
    return Sketch(layout=layout.hexdigest()[:16], values=[float(f"{v:.5g}") for v in total / math.sqrt(max(1, count))])


def _finite(values: torch.Tensor) -> torch.Tensor:
    return values.double().nan_to_num(0.0, 0.0, 0.0)


def _size(values: torch.Tensor) -> float:
    """Return the root of the mean square of a tensor's finite values; 1 where they are all zero or too large for that."""
    square = sum(float((_finite(chunk) ** 2).sum()) for chunk in values.split(CHUNK))
    size = math.sqrt(square / max(1, values.numel()))
    return size if 0 < size < math.inf else 1.0
