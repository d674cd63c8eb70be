"""The reference runs as solutions/reference.md: what each model reaches, models compared beside published numbers, and studies."""

import itertools
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

import lab
from autograder import catalogue
from autograder.catalogue import Comparison
from autograder.course import ROOT
from autograder.trained import likelihood, study
from autograder.trained.estimate import NUM_SAMPLES
from autograder.trained.gates import REFERENCE

PATH = REFERENCE.with_suffix(".md")
RUNS = ("model", "network", "epochs", "seeds", "gate bound", "log p(x)", "ELBO", "active units", "training, s")
COMPARED = (
    "objective",
    "K",
    "seeds",
    "NLL, stochastic",
    "NLL, thresholded",
    "error",
    "weighted error",
    "active, variance",
    "active, KL",
    "SNR",
)

INTRODUCTION = f"""\
# Reference runs

Made from reference.yaml by `python -m autograder reference --only tables`. All in nats per image, mean ± standard deviation over seeds.

- Gate bound: the importance weighted bound with {likelihood.NUM_SAMPLES} samples on {likelihood.IMAGES} test images, from which the gates follow.
- log p(x) and ELBO: estimated with K = {NUM_SAMPLES} on {likelihood.UNIT_IMAGES} test images, on MNIST every tenth of its 10,000.
- Binarisation: stochastic, redrawn in training and drawn once for the test images; thresholded at one half where a column says so.
- Active units: posterior means whose variance over these images is above {likelihood.ACTIVE_VARIANCE}, least and most over seeds.
- Training: seconds of the fastest seed, on one thread of a processor and a machine with other work.
"""


def text(reference: Path = REFERENCE) -> str:
    """Return the page.

    Args:
        reference: the file of reference runs.
    """
    settings: dict[tuple[str, str], dict[tuple[str, str], list[dict]]] = {}
    for key, record in lab.results.load(reference).items():
        dataset, budget, model, network, _ = key.split("/")
        settings.setdefault((dataset, budget), {}).setdefault((model, network), []).append(record)
    places = [(model.name, network) for model in catalogue.models().values() for network in model.networks]
    parts = [INTRODUCTION]
    for (dataset, budget), runs in sorted(settings.items(), reverse=True):
        rows = [_run(*of, runs[of]) for of in sorted(runs, key=places.index)]
        parts.append(f"## {dataset} at {budget}\n\n{_table(RUNS, rows)}\n")
    for comparison in filter(None, (catalogue.of(name).comparison for name in catalogue.every())):
        for (dataset, budget), runs in sorted(settings.items(), reverse=True):
            known = {model: [run for run in of if "log_likelihood" in run] for (model, _), of in runs.items()}
            compared = {model: known[model] for model in comparison.objectives if known.get(model)}
            if compared:
                rows = [_compared(comparison, model, of) for model, of in compared.items()]
                title = f"## {comparison.title}, {dataset} at {budget}"
                parts += [f"{title}\n\n{_table(COMPARED, rows)}\n", *_verdicts(comparison, compared)]
        parts += [comparison.explanation, comparison.published]
    parts += filter(None, [study.text()])
    return "\n".join(parts)


def write() -> Path:
    """Write the page and return its path."""
    PATH.write_text(text())
    return PATH.relative_to(ROOT)


def _run(model: str, network: str, runs: list[dict]) -> tuple[str, ...]:
    units, seconds = ([run[name] for run in runs] for name in ("active_units", "training_seconds"))
    return (
        model,
        network,
        _range(run["epochs"] for run in runs),
        str(len(runs)),
        *(_mean(runs, name) for name in ("gate_bound", "log_likelihood", "elbo")),
        _range(units),
        str(round(min(seconds))),
    )


def _compared(comparison: Comparison, model: str, runs: list[dict]) -> tuple[str, ...]:
    return (
        comparison.objectives[model].upper(),
        str(catalogue.models()[model].num_samples),
        str(len(runs)),
        _mean(runs, "log_likelihood", -1),
        _mean(runs, "log_likelihood_thresholded", -1),
        _mean(runs, "reconstruction"),
        _mean(runs, "weighted_reconstruction"),
        _range(run["active_units"] for run in runs),
        _range(run["active_units_kl"] for run in runs if "active_units_kl" in run),
        _mean(runs, "gradient_snr"),
    )


def _verdicts(comparison: Comparison, compared: dict[str, list[dict]]) -> list[str]:
    """Return what the comparison shows: whether each tighter bound gives a better model, beyond the spread over seeds."""
    said = []
    for looser, tighter in itertools.pairwise(comparison.order):
        if min(len(compared.get(model, [])) for model in (looser, tighter)) < 2:
            continue
        low, high = ([run["log_likelihood"] for run in compared[model]] for model in (looser, tighter))
        gain, spread = statistics.mean(high) - statistics.mean(low), max(map(statistics.stdev, (low, high)))
        apart = min(high) > max(low)
        names = [
            f"{comparison.objectives[model].upper()} K = {catalogue.models()[model].num_samples}"
            for model in (tighter, looser)
        ]
        said.append(
            f"- {names[0]} is {abs(gain):.2f} nats {'better' if gain > 0 else 'worse'} than {names[1]} in stochastic NLL; the standard deviation over seeds is at "
            f"most {spread:.2f}, and {'every' if apart else 'not every'} seed of the first is better than every seed of the second."
        )
    return ["\n".join(said) + "\n"] if said else []


def _mean(runs: Sequence[dict], name: str, sign: int = 1) -> str:
    """Return mean ± standard deviation of the runs that have the number, with their count where some have not."""
    values = [sign * run[name] for run in runs if name in run]
    if not values:
        return ""
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{spread}" + ("" if len(values) == len(runs) else f" ({len(values)} of them)")


def _range(values: Iterable[int]) -> str:
    values = sorted(values)
    if not values:
        return ""
    return f"{values[0]}" if values[0] == values[-1] else f"{values[0]}–{values[-1]}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))
