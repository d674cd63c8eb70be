"""What solutions/reference.md says of the experiments of gaps, made of the records that its notebook leaves."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from autograder.suite.gaps.published import PUBLISHED

FAMILIES = ("gaussian", "flow", "contextual flow")
MODELS = (*FAMILIES, "large encoder", "large decoder")
WIDTHS = (5, 20, 80, 320)
FLIPPED = (10, 50, 100)
GAPS = ("approximation", "amortisation")

INTRODUCTION = """\
Each run is the notebook gaps, run whole (`python -m autograder reference --only runs`); standard deviations are over its runs, which differ in
SEED. Networks 784–200–200–50 with SiLU, images drawn once ("fixed" binarisation), the sizes of sets, samples and steps in the notebook's `Effort`.
log p(x) is, image by image, the highest of three estimates: the bound with the encoder's q and with q* as proposal, and AIS; each is low on
average. It comes out too low rather than too high, so that approximation gaps are too small if anything; an optimisation of q* that ends early
makes them too large, and amortisation gaps too small.
"""


def tables(records: Mapping[str, dict]) -> str:
    """Return the tables, in Markdown: a part for each data set and budget of the records.

    Args:
        records: by key, "{data set} {what} {budget} seed {number}", without a space in {what}.
    """
    settings: dict[tuple[str, str], dict[str, list[dict]]] = {}
    for key, record in records.items():
        dataset, what, budget, _, _ = key.split()
        settings.setdefault((dataset, budget), {}).setdefault(what, []).append(record)
    parts = [f"## Inference gaps\n\n{INTRODUCTION}"]
    for (dataset, budget), found in sorted(settings.items(), reverse=True):
        parts += [f"### {title}, {dataset} at {budget}\n\n{body}\n" for title, body in _sections(found) if body]
    return "\n".join([*parts, PUBLISHED])


def _sections(found: Mapping[str, list[dict]]) -> list[tuple[str, str]]:
    return [
        ("Gaps on held-out images", _held_out(found)),
        ("AIS in both directions", _sandwich(found)),
        ("Small encoders for one decoder", _small(found)),
        ("Gaps after the last watched epoch", _watched(found)),
        ("Refitting the encoder", _refitted(found)),
    ]


def _held_out(found: Mapping[str, list[dict]]) -> str:
    bounds = ("log_p", "elbo_local", "best_gaussian", "elbo_amortized", *GAPS)
    estimates = ("iwae_encoder", "iwae_local", "ais")
    header = ("trained with", "images", "runs", "log p(x)", "L[q*]", "L[q*], Gaussian", "L[q]", *GAPS, "highest mean")
    rows, said = [], []
    for family in FAMILIES:
        for split in ("validation", "test"):
            runs = found.get(_name(f"{family} {split}"), [])
            if not runs:
                continue
            means = {name: statistics.mean(run[name] for run in runs) for name in estimates}
            highest = {"iwae_encoder": "encoder's q", "iwae_local": "q*", "ais": "AIS"}[
                max(means, key=means.__getitem__)
            ]
            rows.append((family, split, len(runs), *(_mean(runs, name) for name in bounds), highest))
            said.append(f"- {family}, {split}: {_larger(runs)}")
    return "\n".join([_table(header, rows), "", *said]) if rows else ""


def _larger(runs: Sequence[dict]) -> str:
    """Return which gap is the larger one, beside how much of that is noise."""
    differences = [run["amortisation"] - run["approximation"] for run in runs]
    mean = statistics.mean(differences)
    error = max((run["approximation_error"] ** 2 + run["amortisation_error"] ** 2) ** 0.5 for run in runs)
    names = ("amortisation", "approximation") if mean > 0 else ("approximation", "amortisation")
    agree = sum((one > 0) == (mean > 0) for one in differences)
    if abs(mean) < 2 * error:
        return f"no gap is clearly the larger one: they differ by {abs(mean):.2f} nats, with a standard error of {error:.2f} in a run."
    return f"the {names[0]} gap is larger by {abs(mean):.2f} nats (standard error in a run {error:.2f}), in {agree} of {len(runs)} runs."


def _sandwich(found: Mapping[str, list[dict]]) -> str:
    rows = [
        (what.split("_")[1], len(runs), *(_mean(runs, name) for name in ("forward", "reverse", "difference")))
        for what, runs in sorted(found.items(), key=lambda of: (len(of[0]), of[0]))
        if what.startswith("sandwich_")
    ]
    header = ("temperatures", "runs", "forward (low)", "reverse (high)", "difference")
    return (
        _table(header, rows) + "\n\nOn images drawn from the Gaussian model: log p(x) lies between the two."
        if rows
        else ""
    )


def _small(found: Mapping[str, list[dict]]) -> str:
    kinds = {f"width_{width}": f"Gaussian, width {width}, refitted" for width in WIDTHS}
    kinds |= {_name(f"small {family}"): f"{family}, width 10, trained" for family in FAMILIES}
    rows = [
        (title, len(found[name]), *(_mean(found[name], gap) for gap in GAPS))
        for name, title in kinds.items()
        if name in found
    ]
    return _table(("encoder", "runs", *GAPS), rows) if rows else ""


def _watched(found: Mapping[str, list[dict]]) -> str:
    rows = []
    for model in MODELS:
        epochs = [int(what.split("_")[-1]) for what in found if what.startswith(_name(f"{model} training "))]
        if epochs:
            sides = [found[_name(f"{model} {split} {max(epochs)}")] for split in ("training", "validation")]
            cells = [_mean(runs, gap) for gap in GAPS for runs in sides]
            rows.append((model, max(epochs), len(sides[0]), *cells, _mean(sides[0], "ratio")))
    sides = [f"{gap}, {split}" for gap in GAPS for split in ("training", "validation")]
    return _table(("model", "epoch", "runs", *sides, "gradient ratio"), rows) if rows else ""


def _refitted(found: Mapping[str, list[dict]]) -> str:
    rows, steps = [], []
    for pixels in FLIPPED:
        runs = found.get(f"refit_{pixels}", [])
        steps = sorted(runs[0]["A"]) if runs else steps
        for side in "AB" if runs else "":
            rows.append((pixels, side, len(runs), *(_mean([run[side] for run in runs], step) for step in steps)))
    header = ("pixels flipped", "set", "runs", *(f"{step} steps" for step in steps))
    return (
        f"{_table(header, rows)}\n\nThe bound with 100 samples, on A, which the encoder is refitted on, and on B."
        if rows
        else ""
    )


def _name(what: str) -> str:
    """Return how the notebook writes in a key what a record is of."""
    return what.replace(" ", "_")


def _mean(runs: Sequence[dict], name: str | int) -> str:
    values = [run[name] for run in runs]
    return f"{statistics.mean(values):.2f}" + (f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else "")


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in (header, ["---"] * len(header), *rows))
