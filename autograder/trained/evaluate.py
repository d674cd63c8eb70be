"""Every checkpoint in a folder, measured as the reference runs are: python -m autograder evaluate FOLDER."""

from pathlib import Path

from torch import nn

import lab
from autograder import catalogue
from autograder.course import Course
from autograder.trained import likelihood, weights
from autograder.trained.estimate import NUM_SAMPLES, estimate
from autograder.trained.reference import Run, runs_for
from lab.checkpoints import Checkpoint


def evaluate(course: Course, folder: Path, path: Path) -> dict[str, dict]:
    """Measure every checkpoint that the file of results does not have yet, and return all records; see `lab.evaluate`.

    Args:
        course: says the data set and the device.
        folder: of checkpoints of the reference's architectures; those of others, or trained on another data set, are named in
            a printed line and left out.
        path: file of the results.
    Raises:
        lab.DataError: the data set is missing or corrupt.
        lab.ResultsError: the file of results is unreadable.
    """
    device = lab.device()
    drawn, cut = (likelihood.held_out(course, how).to(device) for how in ("fixed", "threshold"))
    more = {name: measure for of in map(catalogue.of, catalogue.every()) for name, measure in of.measures.items()}
    return lab.evaluate(
        folder,
        lambda checkpoint: _model(checkpoint, course.dataset).to(device),
        {
            "stochastic": lambda model: _estimates(model, drawn),
            "thresholded": lambda model: _estimates(model, cut),
            **{name: lambda model, measure=measure: measure(model, drawn) for name, measure in more.items()},
        },
        path,
        images=len(drawn),
        num_samples=NUM_SAMPLES,
        binarization="stochastic (drawn once), and thresholded where named",
        dataset=course.dataset,
    )


def runs_of(name: str, k: int) -> list[Run]:
    """Return the reference's architectures that a checkpoint of this name may hold: the notebooks call two of one sample `vae`."""
    return [run for run in _every() if run.model.num_samples == k and name in _names(run)]


def _every() -> list[Run]:
    return [run for run in runs_for(catalogue.every()) if run.seed == 0]


def _names(run: Run) -> set[str]:
    """Return the names of a run in its checkpoint, and in those of notebooks."""
    own = run.network == next(iter(run.model.networks))
    return {run.name, *(run.model.checkpoints if own else ())}


def _model(checkpoint: Checkpoint, dataset: str) -> nn.Module:
    """Return an untrained model of the architecture that a checkpoint's name and weights stand for."""
    runs = runs_of(checkpoint.model, checkpoint.k)
    if not runs:
        known = {f"{name}_k{run.model.num_samples}" for run in _every() for name in _names(run)}
        raise lab.CheckpointError(
            f"{checkpoint.path.name}: expected a model that the reference knows ({', '.join(sorted(known))})."
        )
    trained_on = weights.dataset(checkpoint.path.read_bytes())
    if trained_on not in (None, dataset):
        raise lab.CheckpointError(
            f"{checkpoint.path.name} was trained on the data set {trained_on}, and the course has {dataset}: "
            f"COURSE_DATASET={trained_on} measures it."
        )
    shapes = {name: tensor.shape for name, tensor in lab.checkpoints.read(checkpoint.path)[0].items()}
    for run in runs:
        model = run.build()
        model.num_samples = run.model.num_samples
        if {name: tensor.shape for name, tensor in model.state_dict().items()} == shapes:
            break  # where none fits, filling the last one says what differs
    return model


def _estimates(model: nn.Module, images) -> dict[str, float]:
    found = estimate(model, images, NUM_SAMPLES)
    return {name: float(value.mean()) for name, value in vars(found).items()}
