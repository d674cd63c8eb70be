"""Every checkpoint in a folder, measured as the reference runs are: python -m autograder evaluate FOLDER."""

from pathlib import Path

from torch import nn

import lab
from autograder import likelihood, reference
from autograder.course import Course
from lab.checkpoints import Checkpoint

RUNS = {(run.name, run.num_samples): run for run in reference.runs_for(likelihood.TRAINED) if run.seed == 0}


def evaluate(course: Course, folder: Path, path: Path) -> dict[str, dict]:
    """Measure every checkpoint that the file of results does not have yet, and return all records; see `lab.evaluate`.

    Args:
        course: says the data set and the device.
        folder: of checkpoints of the reference's architectures; others are named in a printed line and left out.
        path: file of the results.
    Raises:
        lab.DataError: the data set is missing or corrupt.
        lab.ResultsError: the file of results is unreadable.
    """
    device = lab.device()
    drawn, cut = (likelihood.held_out(course, how).to(device) for how in ("fixed", "threshold"))
    active_units = reference.solution("iwae")["active_units"]
    return lab.evaluate(
        folder,
        lambda checkpoint: _model(checkpoint).to(device),
        {
            "stochastic": lambda model: _estimates(model, drawn),
            "thresholded": lambda model: _estimates(model, cut),
            "active": lambda model: {rule: active_units(model, drawn, rule)[0] for rule in ("variance", "kl")},
            "gradient": lambda model: reference.gradient(model, drawn, model.num_samples),
        },
        path,
        images=len(drawn),
        num_samples=reference.NUM_SAMPLES,
        binarization="stochastic (drawn once), and thresholded where named",
        dataset=course.dataset,
    )


def _model(checkpoint: Checkpoint) -> nn.Module:
    """Return an untrained model of the architecture that the checkpoint's name stands for."""
    run = RUNS.get((checkpoint.model, checkpoint.k))
    if run is None:
        known = ", ".join(sorted(f"{name}_k{k}" for name, k in RUNS))
        raise lab.CheckpointError(f"{checkpoint.path.name}: expected a model that the reference knows ({known}).")
    model = reference.build(run, "cpu")
    model.num_samples = run.num_samples
    return model


def _estimates(model: nn.Module, images) -> dict[str, float]:
    found = reference.estimate(model, images, reference.NUM_SAMPLES)
    return {name: float(value.mean()) for name, value in vars(found).items()}
