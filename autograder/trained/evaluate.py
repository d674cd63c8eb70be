"""Every checkpoint in a folder, measured as the reference runs are: python -m autograder evaluate FOLDER."""

from pathlib import Path

from torch import nn

import lab
from autograder.course import Course
from autograder.trained import likelihood, reference, weights
from autograder.trained.reference import Run
from lab.checkpoints import Checkpoint

EVERY = [run for run in reference.runs_for(likelihood.TRAINED) if run.seed == 0]
# names that the notebooks give to the convolutional network with N(0, I), which the reference runs name by its network
CONVOLUTIONAL = {"vae", "vae_standard"}


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
    active_units = reference.solution("iwae")["active_units"]
    return lab.evaluate(
        folder,
        lambda checkpoint: _model(checkpoint, course.dataset).to(device),
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


def runs_of(name: str, k: int) -> list[Run]:
    """Return the reference's architectures that a checkpoint of this name may hold: of one sample, `vae` stands for two."""
    found = [run for run in EVERY if (run.name, run.num_samples) == (name, k)]
    if name in CONVOLUTIONAL and k == 1:
        found.append(Run("vae", "convolutional", 0))
    return found


def _model(checkpoint: Checkpoint, dataset: str) -> nn.Module:
    """Return an untrained model of the architecture that a checkpoint's name and weights stand for."""
    runs = runs_of(checkpoint.model, checkpoint.k)
    if not runs:
        known = {f"{run.name}_k{run.num_samples}" for run in EVERY} | {f"{name}_k1" for name in CONVOLUTIONAL}
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
        model = reference.build(run, "cpu")
        model.num_samples = run.num_samples
        if {name: tensor.shape for name, tensor in model.state_dict().items()} == shapes:
            break  # where none fits, filling the last one says what differs
    return model


def _estimates(model: nn.Module, images) -> dict[str, float]:
    found = reference.estimate(model, images, reference.NUM_SAMPLES)
    return {name: float(value.mean()) for name, value in vars(found).items()}
