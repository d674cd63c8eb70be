"""Measures of many trained models, each computed once: from checkpoints, found by their names, to one YAML file and a table.

Called by notebooks that compare models. What is measured is the caller's: functions from a model to numbers.
"""

import hashlib
import statistics
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn
from tqdm import tqdm

from lab import checkpoints, environment, results
from lab.checkpoints import Checkpoint
from lab.errors import CheckpointError

RUN = ("model", "k", "epochs", "seed")  # what the checkpoint's name says
SETTING = ("dataset", "binarization", "images", "num_samples")  # numbers of different settings are not comparable
GIVEN = (*RUN, "weights", *SETTING)  # the entries of a record that are no measures


def evaluate(
    folder: str | Path,
    build: Callable[[Checkpoint], nn.Module],
    measures: Mapping[str, Callable[[nn.Module], float | Mapping[str, float]]],
    path: str | Path = "results.yaml",
    *,
    images: int,
    num_samples: int,
    binarization: str,
    dataset: str | None = None,
) -> dict[str, dict]:
    """Compute the measures of every checkpoint that the file of results does not have yet, and return their records.

    Each number is written as soon as it is known: a call that was interrupted goes on where it stopped. All measures of
    a checkpoint are computed again when its weights or the setting have changed; delete the file when a measure has. A
    checkpoint that is unreadable or of another architecture is named in a printed line and left out.

    Args:
        folder: of the checkpoints.
        build: returns a model of the architecture that a checkpoint needs, with any weights.
        measures: name to a function of a model in evaluation mode that returns a number or a flat dict of numbers.
        path: file of the results.
        images: number of images that the measures look at.
        num_samples: K of the estimate of the likelihood.
        binarization: of the images.
        dataset: of the images; COURSE_DATASET where None.
    Returns:
        A checkpoint's name, without its suffix, to its record: what `GIVEN` lists, then each measure under its name.
    Raises:
        ValueError: when there is no measure, or when one has the name of another entry of the record.
        TypeError: when a measure returns anything but numbers.
        ResultsError: when the file of results is unreadable.
    """
    if not measures:
        raise ValueError("evaluate: expected at least one measure, got none")
    if taken := [name for name in measures if name in GIVEN]:
        raise ValueError(f"evaluate: a measure is named {taken[0]!r}, as is another entry of a record: rename it")
    dataset = environment.dataset() if dataset is None else dataset
    setting = dict(zip(SETTING, (dataset, binarization, images, num_samples), strict=True))
    plan, evaluated = [], []
    for checkpoint in checkpoints.find(folder):
        weights = hashlib.sha256(checkpoint.path.read_bytes()).hexdigest()[:16]
        given = {name: getattr(checkpoint, name) for name in RUN} | {"weights": weights} | setting
        known = results.load(path).get(checkpoint.path.stem, {})
        stale = any(known.get(name) != value for name, value in given.items())
        plan.append((checkpoint, given, stale, [name for name in measures if stale or name not in known]))
    total = sum(len(names) for *_, names in plan)
    # Plain tqdm on stdout: a notebook marks stderr as an error, and the widget needs a browser.
    with tqdm(total=total, disable=not total, file=sys.stdout, unit="measure", dynamic_ncols=True) as bar:
        for checkpoint, given, stale, names in plan:
            key = checkpoint.path.stem
            try:
                model = _filled(build, checkpoint) if names else None
            except CheckpointError as error:
                bar.write(f"{key} is left out: {' '.join(str(error).split())}", file=sys.stdout)
                bar.update(len(names))
                continue
            for name in names:
                bar.set_postfix_str(f"{key}: {name}")
                number = _numbers(name, measures[name](model))
                results.merge(path, key, given | {name: number}, replace=stale and name == names[0])
                bar.update()
            evaluated.append(key)
    known = results.load(path)
    return {key: {name: known[key][name] for name in (*GIVEN, *measures)} for key in evaluated}


def table(records: Mapping[str, Mapping]) -> str:
    """Return a Markdown table of records: a row for each model, K and number of epochs, in this order.

    A row of several seeds has the mean and the standard deviation over them.

    Args:
        records: as `evaluate` returns them.
    Raises:
        ValueError: when there is no record, or when settings differ, so that numbers are not comparable.
    """
    settings = {tuple(record[name] for name in SETTING) for record in records.values()}
    if len(settings) != 1:
        raise ValueError(
            f"table(records): expected records of one data set, binarisation, number of images and num_samples, "
            f"got {len(settings)} settings: {sorted(settings)}"
        )
    runs: dict[tuple, list[dict]] = {}
    for record in sorted(records.values(), key=lambda record: [record[name] for name in RUN]):
        runs.setdefault(tuple(record[name] for name in RUN[:-1]), []).append(_flat(record))
    names = list(dict.fromkeys(name for seeds in runs.values() for record in seeds for name in record))
    lines = [["model", "K", "epochs", "seeds", *(name.replace("_", " ") for name in names)]]
    for run, seeds in runs.items():
        columns = [[record[name] for record in seeds if name in record] for name in names]
        lines.append([*map(str, run), str(len(seeds)), *map(_cell, columns)])
    widths = [max(2, *map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * (width - 1) + ":" for width in widths])  # numbers are aligned to the right
    return "\n".join(f"| {' | '.join(map(str.rjust, line, widths))} |" for line in lines)


def _filled(build: Callable[[Checkpoint], nn.Module], checkpoint: Checkpoint) -> nn.Module:
    """Return the model with the checkpoint's weights, in evaluation mode."""
    model = build(checkpoint)
    checkpoints.load(checkpoint.path, model)
    return model.eval()


def _numbers(name: str, value: object) -> float | dict[str, float]:
    """Return what a measure returned, as YAML can hold it."""
    if isinstance(value, Mapping):
        return {part: _numbers(f"{name}: {part}", number) for part, number in value.items()}
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(
            f"evaluate: the measure {name!r}: expected a number or a dict of numbers, got {type(value).__name__}. "
            "Of a tensor with one element return .item()."
        )
    return value if type(value) is int else float(value)  # numpy's numbers are floats to Python, and not to YAML


def _flat(record: Mapping) -> dict[str, float]:
    """Return the measures of a record; a number in a dict has the name of both."""
    flat = {}
    for name, value in record.items():
        if name not in GIVEN:
            flat |= {f"{name} {part}": v for part, v in value.items()} if isinstance(value, Mapping) else {name: value}
    return flat


def _cell(values: list[float]) -> str:
    """Return the value, or mean ± standard deviation with as many decimals; nothing where there is none."""
    if not values:
        return ""
    if len(values) == 1 and isinstance(values[0], int):
        return str(values[0])
    mean = statistics.mean(values)
    form = ".2f" if abs(mean) >= 1 else ".3g"
    return f"{mean:{form}}" + (f" ± {statistics.stdev(values):{form}}" if len(values) > 1 else "")
