"""Print what the kit costs: its sandbox, one submission, training, KL warm-up, likelihoods and annealing: `python -m bench [--quick] [WHAT ...]`.

Data: COURSE_DATASET, repeated to the 50,000 images of an epoch where it has fewer.
"""

import argparse
import dataclasses
import math

import torch

import lab
from bench import annealing, likelihoods, sandboxed, submission, training, warmup
from bench.measure import Measurement, measure, profile

EPOCH = 50_000  # images
PROFILE_STEPS = 10
HEADER = (
    "work on one thread",
    "usual s/epoch",
    "ours s/epoch",
    "ratio (pairs)",
    "goal",
    "of sgemm",
    "goal",
    "our peak MiB",
    "met?",
)
WIDTHS = (28, 13, 12, 18, 5, 8, 5, 12, 4)


LIKELIHOOD_HEADER = (
    "",
    "usual s",
    "ours s",
    "ratio (pairs)",
    "goal",
    "of sgemm",
    "usual MiB",
    "ours MiB",
    "goal",
    "growth",
    "goal",
    "met?",
)
LIKELIHOOD_WIDTHS = (7, 7, 6, 16, 4, 8, 9, 8, 4, 7, 4, 4)

LEVELS = (-95, -92)  # nats of log p(x)
WARMUP_HEADER = ("beta", "to -95", "to -92", "in all", "log p(x)", "goal in 90 s", "active units", "met?")
WARMUP_WIDTHS = (16, 6, 6, 6, 8, 12, 12, 4)
ANNEALING_HEADER = ("", "plain µs", "ours µs", "ratio (pairs)", "goal", "of sgemm", "our peak MiB", "met?")
ANNEALING_WIDTHS = (7, 8, 8, 18, 5, 8, 12, 4)


def main(arguments: list[str] | None = None) -> None:
    """Measure what is asked for and print one row each, and a profile of our training where a goal is missed."""
    reports = {
        "sandbox": _report_sandbox,
        "submission": _report_submission,
        "training": _report_training,
        "warmup": _report_warmup,
        "likelihood": _report_likelihood,
        "annealing": _report_annealing,
    }
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one tiny window each: shows that it runs, not how fast")
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"{', '.join(reports)}; all where none is given")
    choice = parser.parse_args(arguments)
    if unknown := set(choice.what) - set(reports):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the usual way's windows and ours must not compete with their own threads
    try:
        for name, report in reports.items():
            if name in choice.what or not choice.what:
                report(choice.quick)
    finally:
        torch.set_num_threads(threads)


def _report_sandbox(quick: bool) -> None:
    print("one right submission examined, glyphs at quick, seconds of wall time and of processor time")
    print("level         seconds  processor  ratio to none (pairs)  goal  met?")
    for found in sandboxed.overheads(pairs=1 if quick else 5):
        ratio = f"{found.ratio:.2f} ({found.low:.2f}-{found.high:.2f})"
        goal, met = (f"{sandboxed.GOAL}", "yes" if found.met else "no") if found.level == "bubblewrap" else ("", "")
        print(
            f"{found.level:12}  {found.seconds:7.1f}  {found.processor:9.1f}  {ratio:21}  {goal:4}  {met}".rstrip(),
            flush=True,
        )
    print()


def _report_submission(quick: bool) -> None:
    found, kernels = submission.parts()
    total = sum(found.values())
    print(f"where the {total:.1f} s of processor time of one right submission go, glyphs at quick, {kernels} kernels")
    for part, seconds in found.items():
        print(f"{part:28}  {seconds:5.1f} s  {seconds / total:4.0%}")
    print(flush=True)


def _report_training(quick: bool) -> None:
    images = lab.load("train", device="cpu")
    images = images.repeat(math.ceil(EPOCH / len(images)), 1, 1, 1)[:EPOCH]
    print(f"{lab.dataset()}, {EPOCH} images an epoch, torch {torch.__version__}, seconds of processor time")
    print(_row(HEADER))
    missed: list[Measurement] = []
    for work in training.works(images):
        if quick:
            found = measure(work, pairs=1, steps=2, sgemm_size=128)
        else:
            found = measure(work, pairs=9, steps=30, sgemm_size=1024)
        print(_row(_cells(found)), flush=True)
        if not found.met:
            missed.append(found)
    for found in missed:
        print(f"\n{found.work.name}: a goal is missed.")
        print(f"Our matrix products alone, at the speed of sgemm, would give a ratio of {found.ratio_limit:.1f}.")
        print("Where our time goes:")
        print(profile(found.work.ours, 1 if quick else PROFILE_STEPS))
    print()


def _report_warmup(quick: bool) -> None:
    images, number = lab.load("train", device="cpu"), 20 if quick else 1000
    held_out = lab.binarize(lab.load("test", device="cpu")[:number], "fixed")
    budget = dataclasses.replace(lab.BUDGETS["standard"], **({"epochs": 1} if quick else {}))
    print(
        f"VAE 784–200–200–50, {budget.epochs} epochs on {lab.dataset()}: processor time of training on one thread until log p(x) of {number}"
    )
    print(
        f"test images, K = {warmup.FEW_SAMPLES} after each epoch, comes up to the nats named, and K = {10 * warmup.FEW_SAMPLES} at the end"
    )
    print(_row(WARMUP_HEADER, WARMUP_WIDTHS))
    for name, warm in (("1 from the start", False), ("from 0 to 1", True)):
        found = warmup.train(images[:256] if quick else images, held_out, warm=warm, budget=budget)
        until = (found.until(nats) for nats in LEVELS)
        seconds = ("never" if one is None else f"{one:.0f} s" for one in until)
        goal, met = ("-90", "yes" if found.last >= -90 and found.seconds[-1] <= 90 else "no") if warm else ("", "")
        cells = (name, *seconds, f"{found.seconds[-1]:.0f} s", f"{found.last:.2f}", goal, str(found.active), met)
        print(_row(cells, WARMUP_WIDTHS).rstrip(), flush=True)
    print()


def _report_likelihood(quick: bool) -> None:
    images = lab.binarize(lab.load("test", device="cpu")[: likelihoods.BATCH], "fixed")
    for device, where in _devices().items():
        print(
            f"log p(x) with K = {likelihoods.NUM_SAMPLES} and reconstruction errors, {lab.dataset()}, seconds of {where} an image;"
        )
        print(f"memory beyond what was held before, and its growth from K = {likelihoods.FEWER}")
        print(_row(LIKELIHOOD_HEADER, LIKELIHOOD_WIDTHS))
        found = likelihoods.compare(images, device, pairs=1 if quick else 7, scale=16 if quick else 1)
        print(_row(_likelihood_cells(found), LIKELIHOOD_WIDTHS), flush=True)


def _report_annealing(quick: bool) -> None:
    images = lab.binarize(lab.load("test", device="cpu")[: annealing.IMAGES], "fixed")
    for device, where in _devices().items():
        print(f"annealed importance sampling, {lab.dataset()}, {where} of an image, chain and temperature")
        print(_row(ANNEALING_HEADER, ANNEALING_WIDTHS))
        found = annealing.compare(images, device, pairs=1 if quick else 7, scale=16 if quick else 1)
        cells = (
            found.work.name,
            f"{found.baseline_s * 1e6:.0f}",
            f"{found.ours_s * 1e6:.0f}",
            f"{found.ratio:.1f} ({found.low:.1f}-{found.high:.1f})",
            f"{found.work.goal:.0f}",
            f"{found.sgemm_share:.0%}",
            "unknown" if found.ours_mib is None else f"{found.ours_mib:.0f}",
            "yes" if found.met else "no",
        )
        print(_row(cells, ANNEALING_WIDTHS), flush=True)
    print()


def _devices() -> dict[str, str]:
    """Return the devices of this machine, and which time is measured on each."""
    devices = {"cpu": "processor time"}
    if torch.cuda.is_available():
        devices["cuda"] = f"time on one {torch.cuda.get_device_name()}"
    return devices


def _likelihood_cells(found: likelihoods.Likelihood) -> tuple[str, ...]:
    time = found.measurement
    usual, ours = ("unknown" if mib is None else f"{mib:.0f}" for mib in (found.usual_mib, found.ours_mib))
    return (
        time.work.name,
        f"{time.baseline_s:.4f}",
        f"{time.ours_s:.4f}",
        f"{time.ratio:.2f} ({time.low:.2f}-{time.high:.2f})",
        f"{likelihoods.GOAL}",
        f"{time.sgemm_share:.0%}",
        usual,
        ours,
        f"{likelihoods.EXTRA_GOAL_MIB}",
        "unknown" if found.growth_mib is None else f"{found.growth_mib:+.0f}",
        f"{likelihoods.GROWTH_GOAL_MIB}",
        "yes" if found.met else "no",
    )


def _cells(found: Measurement) -> tuple[str, ...]:
    work = found.work
    memory = "unknown" if found.ours_mib is None else f"{found.ours_mib:.0f}"
    return (
        work.name,
        f"{found.baseline_s * EPOCH:.2f}",
        f"{found.ours_s * EPOCH:.2f}",
        f"{found.ratio:.2f} ({found.low:.2f}-{found.high:.2f})",
        f"{work.goal:.1f}",
        f"{found.sgemm_share:.0%}",
        "" if work.sgemm_goal is None else f"{work.sgemm_goal:.0%}",
        memory,
        "yes" if found.met else "no",
    )


def _row(cells: tuple[str, ...], widths: tuple[int, ...] = WIDTHS) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


if __name__ == "__main__":
    main()
