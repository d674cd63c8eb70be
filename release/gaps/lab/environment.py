"""The choices that come from environment variables; no other module of the lab reads them.

    COURSE_DATASET   mnist | fashion | glyphs     default: the course's, else mnist      data set of the notebooks
    COURSE_DATA      a folder                     default ./data     where MNIST and Fashion-MNIST are or go
    COURSE_BUDGET    quick | standard | full      default: the course's, else standard   how long the notebooks train
    COURSE_DEVICE    auto | cpu | cuda            default auto       auto: cuda if it works, else cpu
    COURSE_TRAINING  retrain | weights            default retrain    weights: only load finished checkpoints, as in grading

They are read at each call, so a change takes effect at once. The course's data set and budget stand in course.json beside this file,
which comes with the release.
"""

import json
import os
from pathlib import Path

import torch

DATASETS = ("mnist", "fashion", "glyphs")
BUDGET_NAMES = ("quick", "standard", "full")
DEVICES = ("auto", "cpu", "cuda")
TRAININGS = ("retrain", "weights")
COURSE = Path(__file__).with_name("course.json")


def dataset() -> str:
    """Return the name of the data set.

    Raises:
        ValueError: when COURSE_DATASET, or what course.json says, is none of `DATASETS`.
    """
    return _choice("COURSE_DATASET", DATASETS, default="mnist", key="dataset")


def data_root() -> Path:
    """Return the folder of the downloaded data sets."""
    return Path(os.environ.get("COURSE_DATA") or "data")


def budget() -> str:
    """Return the name of the training budget.

    Raises:
        ValueError: when COURSE_BUDGET, or what course.json says, is none of `BUDGET_NAMES`.
    """
    return _choice("COURSE_BUDGET", BUDGET_NAMES, default="standard", key="budget")


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


def _course(key: str) -> str | None:
    """Return what the course's file says, None where there is no file."""
    try:
        return json.loads(COURSE.read_text(encoding="utf-8"))[key]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(f"lab/{COURSE.name} says no {key}: put back the file that you were given") from None


def _choice(variable: str, allowed: tuple[str, ...], default: str, key: str | None = None) -> str:
    value, remedy = os.environ.get(variable), f"{variable} is {{!r}}, expected one of {{}}: correct or unset it"
    if not value and key and (value := _course(key)) is not None:
        remedy = f"lab/{COURSE.name} says that the {key} is {{!r}}, expected one of {{}}: put back the file that you were given"
    if (value or default) not in allowed:
        raise ValueError(remedy.format(value, ", ".join(allowed)))
    return value or default
