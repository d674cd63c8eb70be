"""The choices that come from environment variables; no other module of the lab reads them.

    COURSE_DATASET   mnist | fashion | glyphs     default mnist      data set of the notebooks
    COURSE_DATA      a folder                     default ./data     where MNIST and Fashion-MNIST are or go
    COURSE_BUDGET    quick | standard | full      default standard   how long the notebooks train
    COURSE_DEVICE    auto | cpu | cuda            default auto       auto: cuda if it works, else cpu
    COURSE_TRAINING  retrain | weights            default retrain    weights: only load finished checkpoints, as in grading

They are read at each call, so a change takes effect at once.
"""

import os
from pathlib import Path

import torch

DATASETS = ("mnist", "fashion", "glyphs")
BUDGET_NAMES = ("quick", "standard", "full")
DEVICES = ("auto", "cpu", "cuda")
TRAININGS = ("retrain", "weights")


def dataset() -> str:
    """Return the name of the data set.

    Raises:
        ValueError: when COURSE_DATASET is none of `DATASETS`.
    """
    return _choice("COURSE_DATASET", DATASETS, default="mnist")


def data_root() -> Path:
    """Return the folder of the downloaded data sets."""
    return Path(os.environ.get("COURSE_DATA") or "data")


def budget() -> str:
    """Return the name of the training budget.

    Raises:
        ValueError: when COURSE_BUDGET is none of `BUDGET_NAMES`.
    """
    return _choice("COURSE_BUDGET", BUDGET_NAMES, default="standard")


def device() -> torch.device:
    """Return the device on which the notebooks train.

    Raises:
        ValueError: when COURSE_DEVICE is none of `DEVICES`, or is cuda where no GPU works.
    """
    asked = _choice("COURSE_DEVICE", DEVICES, default="auto")
    if asked == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if asked == "cuda":
        raise ValueError(
            "COURSE_DEVICE is 'cuda', but torch finds no GPU that works: set it to 'auto' or 'cpu', or unset it"
        )
    return torch.device("cpu")


def may_train() -> bool:
    """Return whether `lab.fit` may train a model whose checkpoint is missing.

    Raises:
        ValueError: when COURSE_TRAINING is none of `TRAININGS`.
    """
    return _choice("COURSE_TRAINING", TRAININGS, default="retrain") == "retrain"


def _choice(variable: str, allowed: tuple[str, ...], default: str) -> str:
    value = os.environ.get(variable) or default
    if value not in allowed:
        raise ValueError(f"{variable} is {value!r}, expected one of {', '.join(allowed)}: correct or unset it")
    return value
