"""Finds weights that students share, also with a little noise on them, from short sketches that reports keep.

A sketch is a random projection of a model's weights: the distance of two sketches is about that of the weights, as a share of their size. Called
for each submission when it is graded, and for all reports when grades are printed. Not here: weights whose units were permuted.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import torch
from safetensors.torch import load

from autograder.beside import damage
from autograder.report import Report, Sketch

SIZE = 128  # numbers of a sketch: the distance is right to about 1 / sqrt(2 · SIZE) = 6 %
CHUNK = 2**20  # weights that are projected at once
SEED = 20131220
# as a share of the weights' size; two runs of one seed that differ in one rounding end 0.29 apart (glyphs, quick), two seeds 1.3
NEAR = 0.1
SAME = "the same weights as"


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


def near(one: Sketch, other: Sketch) -> bool:
    """Return whether two sketches are of the same weights, or of ones with a little noise on them."""
    return one.layout == other.layout and math.dist(one.values, other.values) < NEAR


def same_weights(report: Report, folder: Path) -> list[str]:
    """Return the other students whose stored report of the assignment names the same weights, or nearly."""
    others = []
    for path in folder.glob(f"*/{report.assignment}/{report.notebook}.json") if report.weights else ():
        with suppress(OSError, ValueError):  # a damaged report of another student is no reason to stop here
            other = Report.load(path)
            if shared(report, other):
                others.append(other.student)
    return sorted(others)


def groups(reports: Iterable[Report]) -> list[list[str]]:
    """Return the students who share weights of one of their models, a sorted list for each group."""
    reports = list(reports)
    group = {report.student: {report.student} for report in reports}
    for index, report in enumerate(reports):
        for other in reports[:index]:
            if other.student not in group[report.student] and shared(report, other):
                joined = group[report.student] | group[other.student]
                group |= dict.fromkeys(joined, joined)
    found = {min(members): sorted(members) for members in group.values() if len(members) > 1}
    return [found[first] for first in sorted(found)]


def shared(one: Report, other: Report) -> bool:
    """Return whether two students' reports name the same weights, or nearly."""
    return one.student != other.student and any(
        near(mine, theirs) for mine in one.weights.values() for theirs in other.weights.values()
    )


def _finite(values: torch.Tensor) -> torch.Tensor:
    return values.double().nan_to_num(0.0, 0.0, 0.0)


def _size(values: torch.Tensor) -> float:
    """Return the root of the mean square of a tensor's finite values; 1 where they are all zero or too large for that."""
    square = sum(float((_finite(chunk) ** 2).sum()) for chunk in values.split(CHUNK))
    size = math.sqrt(square / max(1, values.numel()))
    return size if 0 < size < math.inf else 1.0
