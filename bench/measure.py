"""Timing two ways of one work in turns, so that other load on the machine falls on both.

A ratio of interleaved windows in one process is comparable between hours and, roughly, machines; seconds are not.
Time is the process's own on its one thread: what other processes take of the processor does not count.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

MIB = 2**20


@dataclass(frozen=True)
class Way:
    """One way of doing the work.

    Args:
        start: returns an endless iterator whose every item is one more step made.
        batch: images a step.
    """

    start: Callable[[], Iterator[None]]
    batch: int


@dataclass(frozen=True)
class Work:
    """Something measured in two ways, and what is expected of the second.

    Args:
        baseline: the usual way in course material.
        ours: the way of this kit.
        goal: least ratio of the seconds an image, baseline over ours.
        sgemm_goal: least share of the speed of a matrix product that ours reaches; None: not judged.
        flop: of ours, an image.
    """

    name: str
    baseline: Way
    ours: Way
    goal: float
    sgemm_goal: float | None
    flop: float


@dataclass(frozen=True)
class Measurement:
    """Medians over pairs of windows.

    Args:
        baseline_s, ours_s: seconds for one image.
        ratio: median of the pairs' ratios, not the ratio of the medians.
        low, high: least and greatest ratio of a pair.
        sgemm_share: FLOP/s of ours over FLOP/s of a matrix product measured between the windows.
        ours_mib: peak resident memory of the process in our first window; None where the system does not tell.
    """

    work: Work
    baseline_s: float
    ours_s: float
    ratio: float
    low: float
    high: float
    sgemm_share: float
    ours_mib: float | None

    @property
    def ratio_limit(self) -> float:
        """The ratio if ours did nothing but its matrix products, at the speed of the one it is compared with."""
        return self.ratio / self.sgemm_share

    @property
    def met(self) -> bool:
        """Whether every goal of the work is met."""
        enough = self.work.sgemm_goal is None or self.sgemm_share >= self.work.sgemm_goal
        return self.ratio >= self.work.goal and enough


def measure(work: Work, *, pairs: int, steps: int, sgemm_size: int) -> Measurement:
    """Time the two ways in `pairs` pairs of windows.

    Args:
        steps: of the baseline's window; ours makes as many as give about the same number of images, at least half.
        sgemm_size: n of the n × n matrix product that ours is compared with.
    """
    ours, baseline = work.ours.start(), work.baseline.start()
    our_steps = max(steps // 2, round(steps * work.baseline.batch / work.ours.batch))
    # The first windows warm up caches and allocator. Ours tells its memory before the other has left some unreturned.
    ours_mib = _peak_mib(lambda: _window(ours, max(2, our_steps // 4)))
    _window(baseline, max(2, steps // 4))
    matrix = torch.randn(sgemm_size, sgemm_size)
    torch.mm(matrix, matrix)
    times, products = [], []
    for _ in range(pairs):
        baseline_s = _window(baseline, steps) / (steps * work.baseline.batch)
        ours_s = _window(ours, our_steps) / (our_steps * work.ours.batch)
        times.append((baseline_s, ours_s))
        products.append(_product_s(matrix))
    ratios = [baseline_s / ours_s for baseline_s, ours_s in times]
    sgemm_flop_per_s = 2 * sgemm_size**3 / statistics.median(products)
    baseline_s, ours_s = (statistics.median(column) for column in zip(*times, strict=True))
    return Measurement(
        work=work,
        baseline_s=baseline_s,
        ours_s=ours_s,
        ratio=statistics.median(ratios),
        low=min(ratios),
        high=max(ratios),
        sgemm_share=work.flop / ours_s / sgemm_flop_per_s,
        ours_mib=ours_mib,
    )


def profile(way: Way, steps: int) -> str:
    """Return a table of the operations that take most of the processor's time in some steps."""
    running = way.start()
    _window(running, steps)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], acc_events=True) as profiler:
        _window(running, steps)
    return profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=10, max_name_column_width=40)


def _window(running: Iterator[None], steps: int) -> float:
    """Return the seconds that some more steps take."""
    start = time.process_time()
    for _ in range(steps):
        next(running)
    return time.process_time() - start


def _product_s(matrix: torch.Tensor) -> float:
    """Return the seconds of one matrix product, the best of five."""
    seconds = []
    for _ in range(5):
        start = time.process_time()
        torch.mm(matrix, matrix)
        seconds.append(time.process_time() - start)
    return min(seconds)


def _peak_mib(run: Callable[[], object]) -> float | None:
    """Run something and return the peak resident memory of the process meanwhile; None where Linux does not tell."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # sets the peak to what is resident now
    except OSError:
        run()
        return None
    run()
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / MIB
