"""Where the processor time of one right submission goes: kernels, the notebook's cells, hidden tests, and measuring its trained model."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from autograder.examine.trained_models import TrainedModels
from autograder.kernel.live import Kernel
from bench.sandboxed import examination

STAGES = ("start", "cells", "calls")  # of a kernel
NOTEBOOK, DECODER = "the notebook's kernel", "the decoder's kernels"
MEASURING, ELSE = "the grader: measuring", "the grader: all else"
PARTS = (*(f"{kernel}: {stage}" for kernel in (NOTEBOOK, DECODER) for stage in STAGES), MEASURING, ELSE)


def parts() -> tuple[dict[str, float], int]:
    """Examine the reference solution with its trained weights once; return processor seconds by part, and the number of kernels."""
    found = dict.fromkeys(PARTS, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        seconds_of = examination(Path(folder))
        with watched(found) as kernels:
            started = time.process_time()
            seconds_of("bubblewrap")
            found[ELSE] = time.process_time() - started - found[MEASURING]
    return found, len(kernels)


@contextmanager
def watched(found: dict[str, float]) -> Iterator[dict[Kernel, str]]:
    """Add to the parts what kernels take up to the end of each stage, and the grader while it measures, as long as this lasts.

    Yields:
        Every kernel that was started, with whose it is.
    """
    kernels: dict[Kernel, str] = {}
    noted: dict[Kernel, float] = {}
    measuring: list[str] = []
    prepare, connect, close, measure = Kernel.prepare, Kernel.connect, Kernel.close, TrainedModels._measure_in

    def note(kernel: Kernel, stage: str) -> None:
        seconds = kernel.provisioner.seconds()
        found[f"{kernels[kernel]}: {stage}"] += seconds - noted.get(kernel, 0.0)
        noted[kernel] = seconds

    def prepared(self, runner):
        kernels[self] = DECODER if measuring else NOTEBOOK
        prepare(self, runner)
        note(self, "start")

    def connected(self):
        note(self, "cells")
        return connect(self)

    def closed(self):
        if self._manager is not None:
            note(self, "calls")
        return close(self)

    def measured(self, apart, model, *given):
        measuring.append(model)
        started = time.process_time()
        try:
            return measure(self, apart, model, *given)
        finally:
            found[MEASURING] += time.process_time() - started
            measuring.pop()

    with (
        mock.patch.object(Kernel, "prepare", prepared),
        mock.patch.object(Kernel, "connect", connected),
        mock.patch.object(Kernel, "close", closed),
        mock.patch.object(TrainedModels, "_measure_in", measured),
    ):
        yield kernels
