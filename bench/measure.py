"""Timing two ways of one work in turns, so that other load on the machine falls on both.

A ratio of interleaved windows in one process is comparable between hours and, roughly, machines; seconds are not.
Time is the process's own on its one thread: what other processes take of the processor does not count. On a GPU it is the
clock's, until the GPU has finished.
"""

import contextlib
import ctypes
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
        device: "cpu" or "cuda".
    """

    name: str
    baseline: Way
    ours: Way
    goal: float
    sgemm_goal: float | None
    flop: float
    device: str = "cpu"


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
    device = work.device
    ours_mib = _peak_mib(lambda: _window(ours, max(2, our_steps // 4), device), device)
    _window(baseline, max(2, steps // 4), device)
    matrix = torch.randn(sgemm_size, sgemm_size, device=device)
    torch.mm(matrix, matrix)
    times, products = [], []
    for _ in range(pairs):
        baseline_s = _window(baseline, steps, device) / (steps * work.baseline.batch)
        ours_s = _window(ours, our_steps, device) / (our_steps * work.ours.batch)
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
    _window(running, steps, "cpu")
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], acc_events=True) as profiler:
        _window(running, steps, "cpu")
    return profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=10, max_name_column_width=40)


def extra_mib(run: Callable[[], object], device: str) -> float | None:
    """Run something and return the peak memory meanwhile beyond what was held before; None where Linux does not tell."""
    with contextlib.suppress(AttributeError):  # memory that was freed and kept for reuse would hide what is taken
        ctypes.CDLL(None).malloc_trim(0)
    before = torch.cuda.memory_allocated() / MIB if device == "cuda" else _status_mib("VmRSS")
    peak = _peak_mib(run, device)
    return None if peak is None else peak - before


def _window(running: Iterator[None], steps: int, device: str) -> float:
    """Return the seconds that some more steps take."""
    start = _now(device)
    for _ in range(steps):
        next(running)
    return _now(device) - start


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def _product_s(matrix: torch.Tensor) -> float:
    """Return the seconds of one matrix product, the best of five."""
    seconds = []
    for _ in range(5):
        start = _now(matrix.device.type)
        torch.mm(matrix, matrix)
        seconds.append(_now(matrix.device.type) - start)
    return min(seconds)


def _peak_mib(run: Callable[[], object], device: str) -> float | None:
    """Run something and return the peak meanwhile of what is resident, or allocated on the GPU; None where Linux does not tell."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        run()
        return torch.cuda.max_memory_allocated() / MIB
    try:
        Path("/proc/self/clear_refs").write_text("5")  # sets the peak to what is resident now
    except OSError:
        run()
        return None
    run()
    return _status_mib("VmHWM")


def _status_mib(entry: str) -> float:
    return int(Path("/proc/self/status").read_text().split(f"{entry}:")[1].split()[0]) * 1024 / MIB
