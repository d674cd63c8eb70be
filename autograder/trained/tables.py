"""The reference runs as solutions/reference.md: what each model reaches, and VAE against IWAE beside published numbers."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

import lab
from autograder.course import ROOT
from autograder.trained import likelihood
from autograder.trained.reference import GRADIENT_IMAGES, GRADIENT_RUNS, MULTI_SAMPLE, NUM_SAMPLES

PATH = likelihood.REFERENCE.with_suffix(".md")
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
ORDER = ("vae_k1", "iwae_k5", "iwae_k50")  # the bounds become tighter; L_1 is the ELBO

INTRODUCTION = f"""\
# Reference runs

Made from reference.yaml by `python -m autograder reference --only tables`. All in nats per image, mean ± standard deviation over seeds.

- Gate bound: the importance weighted bound with {likelihood.NUM_SAMPLES} samples on {likelihood.IMAGES} test images, from which the gates follow.
- log p(x) and ELBO: estimated with K = {NUM_SAMPLES} on {likelihood.UNIT_IMAGES} test images, on MNIST every tenth of its 10,000.
- Binarisation: stochastic, redrawn in training and drawn once for the test images; thresholded at one half where a column says so.
- Active units: posterior means whose variance over these images is above {likelihood.ACTIVE_VARIANCE}, least and most over seeds.
- Training: seconds of the fastest seed, on one thread of a processor and a machine with other work.
"""

COMPARISON = f"""\
NLL is −log p(x), estimated with K = {NUM_SAMPLES}; error is −log p(x|z), the mean over these samples, on stochastic images, and weighted error that with
normalised importance weights. IWAE with K = 1 is VAE with K = 1. Active units by the two rules: variance of the posterior mean, or mean KL
divergence from N(0, 1), above {likelihood.ACTIVE_VARIANCE}. SNR: |mean| / standard deviation of the gradient of the bound of K samples, K as in training, for the
encoder's first layer at the trained weights; {GRADIENT_RUNS} draws of the noise on {GRADIENT_IMAGES} images, so that a gradient of nothing but noise would
give 0.08.
"""

PUBLISHED = """\
## Published numbers

| source | test images | VAE 1 | VAE 5 | VAE 50 | IWAE 5 | IWAE 50 |
| --- | --- | --- | --- | --- | --- | --- |
| Burda et al. (2016), table 1: NLL | stochastic | 86.76 | 86.47 | 86.35 | 85.54 | 84.78 |
| Burda et al. (2016), table 1: active units, variance | | 19 | 20 | 20 | 22 | 25 |
| Burda et al. (2016), appendix: NLL | one fixed binarisation of all images | 88.71 | 88.83 | 89.05 | 87.63 | 87.10 |
| nbip/IWAE, a reproduction: NLL | stochastic | 86.35 | 86.10 | 86.06 | 85.18 | 84.59 |
| abdulfatir/IWAE-tensorflow, 400,000 steps: NLL | stochastic | 90.26 | | | 88.49 | 87.34 |
| a course project this kit grew from, 50 epochs: NLL | thresholded | 81.07 | | | 78.37 | |
| the same: active units, KL; SNR | | 15; 0.51 | | | 22; 0.29 | |
| a course's exercise this kit grew from, 20 epochs: training bound, sign of log K in doubt | thresholded | 90.55 | 85.35 | 84.26 | 85.22 | 81.77 |

All of them are on MNIST with one stochastic layer, 784–200–200–50; those of Burda et al. after 3280 epochs, with K = 5000 on all 10,000 test images.

What can be compared: rows with the same test images, and orders within a row. One model scores 9 to 15 nats better on thresholded images than on stochastic ones,
and a fixed binarisation of the training images costs about 2. The last row is no likelihood at all. Its values for one sample of VAE and IWAE, which are one objective,
differ by 0.76: that much is chance.
"""


def text(reference: Path = likelihood.REFERENCE) -> str:
    """Return the page.

    Args:
        reference: the file of reference runs.
    """
    settings: dict[tuple[str, str], dict[tuple[str, str], list[dict]]] = {}
    for key, record in lab.results.load(reference).items():
        dataset, budget, model, network, _ = key.split("/")
        settings.setdefault((dataset, budget), {}).setdefault((model, network), []).append(record)
    order = {model: place for place, model in enumerate(likelihood.PRIORS)}
    parts = [INTRODUCTION]
    for (dataset, budget), runs in sorted(settings.items(), reverse=True):
        rows = [_run(*of, runs[of]) for of in sorted(runs, key=lambda of: (order[of[0]], of[1] == "connected"))]
        parts.append(f"## {dataset} at {budget}\n\n{_table(RUNS, rows)}\n")
    for (dataset, budget), runs in sorted(settings.items(), reverse=True):
        known = {model: [run for run in of if "log_likelihood" in run] for (model, _), of in runs.items()}
        compared = {model: known[model] for model in MULTI_SAMPLE if known.get(model)}
        if compared:
            rows = [_compared(model, of) for model, of in compared.items()]
            parts += [f"## VAE against IWAE, {dataset} at {budget}\n\n{_table(COMPARED, rows)}\n", *_verdicts(compared)]
    return "\n".join([*parts, COMPARISON, PUBLISHED])


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


def _compared(model: str, runs: list[dict]) -> tuple[str, ...]:
    objective, num_samples = MULTI_SAMPLE[model]
    return (
        objective.upper(),
        str(num_samples),
        str(len(runs)),
        _mean(runs, "log_likelihood", -1),
        _mean(runs, "log_likelihood_thresholded", -1),
        _mean(runs, "reconstruction"),
        _mean(runs, "weighted_reconstruction"),
        _range(run["active_units"] for run in runs),
        _range(run["active_units_kl"] for run in runs if "active_units_kl" in run),
        _mean(runs, "gradient_snr"),
    )


def _verdicts(compared: dict[str, list[dict]]) -> list[str]:
    """Return what the comparison shows: whether each tighter bound gives a better model, beyond the spread over seeds."""
    said = []
    for looser, tighter in zip(ORDER, ORDER[1:], strict=False):
        if min(len(compared.get(model, [])) for model in (looser, tighter)) < 2:
            continue
        low, high = ([run["log_likelihood"] for run in compared[model]] for model in (looser, tighter))
        gain, spread = statistics.mean(high) - statistics.mean(low), max(map(statistics.stdev, (low, high)))
        apart = min(high) > max(low)
        names = [
            f"{objective.upper()} K = {k}" for objective, k in (MULTI_SAMPLE[model] for model in (tighter, looser))
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
