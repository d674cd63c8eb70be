"""What the sandbox costs: one right submission of trained weights, examined at each level of isolation in turns.

Seconds of wall time and of processor time, on the embedded data set at the smallest budget; the hidden suite and the likelihood of the trained model included.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import torch

import lab
from autograder.catalogue import solution
from autograder.course import ROOT, Course
from autograder.examine.examine import examine
from autograder.publish import without_markers
from autograder.sandbox import levels

GOAL = 1.1  # wall time of the sandbox over that of a plain process
ASSIGNMENT = "vae"


@dataclass(frozen=True)
class Overhead:
    """One level against a plain process.

    Args:
        level: of isolation.
        seconds, processor: median of an examination at this level, on the clock and of the processor.
        ratio, low, high: of the seconds, over those of the plain process right before: median, least and greatest.
    """

    level: str
    seconds: float
    processor: float
    ratio: float
    low: float
    high: float

    @property
    def met(self) -> bool:
        """Whether the goal is met."""
        return self.ratio <= GOAL


def overheads(pairs: int, seconds_of: Callable[[str], tuple[float, float]] | None = None) -> list[Overhead]:
    """Return what each level that works here costs.

    Args:
        pairs: how often all levels are measured, in turns.
        seconds_of: examines once at a level and returns wall and processor time; by default, a real examination.
    """
    with tempfile.TemporaryDirectory() as folder:
        seconds_of = seconds_of or examination(Path(folder))
        usable = [level for level in levels.LEVELS if levels.unusable(level) is None]
        seconds_of("none")  # files are read for the first time
        times = {level: [] for level in usable}
        for turn in range(pairs):
            for level in usable if turn % 2 else reversed(usable):
                times[level].append(seconds_of(level))
    found = []
    for level in usable:
        ratios = [ours / plain for (ours, _), (plain, _) in zip(times[level], times["none"], strict=True)]
        spread = (statistics.median(ratios), min(ratios), max(ratios))
        found.append(Overhead(level, *map(statistics.median, zip(*times[level], strict=True)), *spread))
    return found


def trained(folder: Path, names: dict[str, Any]) -> dict[str, bytes]:
    """Return the checkpoint of a solution as it is handed in; trained in the folder, on the embedded data set at the smallest budget."""
    data = {split: lab.load(split, dataset="glyphs", device="cpu") for split in ("train", "validation")}
    torch.manual_seed(0)  # the same weights whenever it is trained
    model = names["VAE"](latent_dim=50)
    data = {"images": data["train"], "validation": data["validation"]}
    with mock.patch.dict(os.environ, COURSE_DATASET="glyphs", COURSE_BUDGET="quick"):  # as the checkpoint names them
        lab.fit(model, names["train_step"], name="vae", budget=lab.BUDGETS["quick"], folder=folder, **data)
    return {f"checkpoints/{path.name}": path.read_bytes() for path in folder.glob("*.safetensors")}


def examination(folder: Path) -> Callable[[str], tuple[float, float]]:
    """Return a function that examines the reference solution at a level and returns its wall and processor time."""
    files = trained(folder, solution(ASSIGNMENT))
    known = {
        "course_id": "bench",
        "assignments": (ASSIGNMENT,),
        "dataset": "glyphs",
        "budget": "quick",
        "device": "cpu",
    }
    notebook = nbformat.read(ROOT / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = without_markers(cell.source)

    def seconds_of(level: str) -> tuple[float, float]:
        course = Course(**known, sandbox=level, secret="bench")
        started = time.perf_counter()
        report = examine(
            course,
            nbformat.from_dict(notebook),
            files,
            student="ada",
            assignment=ASSIGNMENT,
            name=ASSIGNMENT,
            log=lambda line: None,
        )
        seconds = time.perf_counter() - started
        if report.score != report.points:
            raise RuntimeError(f"the reference solution got {report.score} of {report.points}: {report.line()}")
        return seconds, report.processor_seconds

    return seconds_of
