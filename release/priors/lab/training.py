"""One training loop for every model of the course: early stopping, best weights, resumption after an interruption.

The step itself is the student's `train_step`; the loop gives it an optimizer and binarised batches. Not here: mixed
precision, gradient clipping, several devices. Called by the notebooks and by the reference training.
"""

import copy
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from lab import checkpoints, environment
from lab.data import batches
from lab.errors import CheckpointError, TrainingError

ADAM_EPS = 1e-4  # Burda et al. (2016), section 5: larger than the default, so that rarely used units take no huge steps
FINAL_FACTOR = 0.02  # learning rate of the last step relative to the peak
VALIDATION_SEED = 1009  # one noise for every epoch, so that epochs are compared on the same draw
VALIDATION_BATCH = 500
TRAIN_BINARIZATION, VALIDATION_BINARIZATION = "stochastic", "fixed"


@dataclass(frozen=True)
class Budget:
    """How long and how to train.

    Args:
        epochs: passes over the training images.
        batch_size: images a step.
        learning_rate: of Adam after the warm-up.
        patience: epochs without a better validation loss after which training stops; None: never.
        warmup_steps: steps in which the learning rate rises from near zero.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int | None
    warmup_steps: int


BUDGETS = {
    "quick": Budget(epochs=6, batch_size=16, learning_rate=1.5e-3, patience=None, warmup_steps=20),
    "standard": Budget(epochs=30, batch_size=128, learning_rate=2e-3, patience=10, warmup_steps=200),
    "full": Budget(epochs=300, batch_size=128, learning_rate=2e-3, patience=30, warmup_steps=200),
}


@dataclass(frozen=True)
class History:
    """What a training run was and how it went.

    Args:
        train: mean of the steps' losses, one an epoch, in nats per image.
        validation: loss on the fixed binarisation, one an epoch, in nats per image.
        best_epoch: the epoch, counted from 1, whose weights were kept.
        epochs: epochs trained, at most the budget's.
        seconds: time spent, interruptions left out.
        binarization: of the training images.
        torch: version.
        terms: what was watched, its mean over the validation images after each epoch; empty where nothing was, or not
            from the first epoch on.
    """

    train: list[float]
    validation: list[float]
    best_epoch: int
    epochs: int
    seconds: float
    dataset: str
    binarization: str
    device: str
    torch: str
    terms: dict[str, list[float]] = field(default_factory=dict)


def fit(
    model: nn.Module,
    step: Callable[[nn.Module, torch.optim.Optimizer, torch.Tensor], float],
    *,
    name: str,
    k: int = 1,
    seed: int = 0,
    images: torch.Tensor,
    validation: torch.Tensor,
    budget: str | Budget | None = None,
    folder: str | Path = "checkpoints",
    watch: Callable[[nn.Module, torch.Tensor], Mapping[str, torch.Tensor]] | None = None,
) -> History:
    """Train the model, leave it in evaluation mode with its best weights, and return the history.

    A run of this name that is finished is loaded instead; one that was interrupted goes on after its last whole epoch
    and, on a processor, ends with the same bits as if it had never stopped. torch's global generator is seeded for the
    run and is afterwards as before.

    Args:
        model: called as model(x) on images (B, 1, 28, 28) in {0, 1}; returns the mean loss, in nats per image.
        step: called as step(model, optimizer, x); makes one step and returns the mean loss over x as a float.
        name: of the model in the file's name.
        k: importance samples, for the file's name.
        seed: of the order, the binarisation and the noise in the model.
        images: training images as `lab.load` gives them, uint8, shape (N, 1, 28, 28), on the model's device.
        validation: validation images, the same.
        budget: "quick", "standard", "full" or a Budget; COURSE_BUDGET where None.
        folder: where the checkpoint goes.
        watch: called as watch(model, x) on the binarised validation images after each epoch, without gradient; returns
            one number an image, shape (B,), under each name, whose means go into the history. It has no influence on the
            training: an error in it ends the watching alone.
    Raises:
        TrainingError: when a loss is not a finite number.
        CheckpointError: when the file of that name is unreadable or is of another model or data set, or of an
            interrupted run with another budget; also when it is missing and COURSE_TRAINING is "weights".
    """
    budget = _budget(budget)
    path = Path(folder) / checkpoints.name(name, k, budget.epochs, seed)
    plan = {"dataset": environment.dataset(), "budget": asdict(budget)}
    unfinished = path.with_suffix(".unfinished")
    if path.exists():
        unfinished.unlink(missing_ok=True)  # left behind by a run that ended between its last two lines
        return _finished(path, model, plan["dataset"])
    if not environment.may_train():
        raise CheckpointError(
            f"{path} was not handed in, and nothing is trained here (COURSE_TRAINING=weights). Hand in the folder "
            f"{path.parent}/ together with the notebook; its file's name tells the model, K, epochs and seed."
        )
    # A generator state belongs to a device; fork_rng must be told which, else it saves those of every GPU.
    cuda = [images.device.index or 0] if images.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        run = _Run(model, step, images, validation, budget, seed, watch)
        if unfinished.exists():
            run.resume(unfinished, plan)
            print(f"{unfinished.name}: going on after epoch {len(run.train)}")
        history = _train(run, unfinished, plan)
    checkpoints.save(path, model, {"history": asdict(history)})
    unfinished.unlink(missing_ok=True)
    return history


def learning_rate_factor(step: int, steps: int, warmup_steps: int) -> float:
    """Return what the peak learning rate is multiplied by at a step: a linear rise, then half a cosine.

    Args:
        step: counted from 0.
        steps: of the whole run.
        warmup_steps: steps of the rise.

    Example:
        >>> [learning_rate_factor(step, 1000, 100) for step in (0, 99, 999)]
        [0.01, 1.0, 0.02]
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = (step + 1 - warmup_steps) / max(1, steps - warmup_steps)
    return FINAL_FACTOR + (1 - FINAL_FACTOR) * (1 + math.cos(math.pi * progress)) / 2


class _Run:
    """The state of a training run between two epochs, and how one epoch is made."""

    def __init__(
        self,
        model: nn.Module,
        step: Callable,
        images: torch.Tensor,
        validation: torch.Tensor,
        budget: Budget,
        seed: int,
        watch: Callable | None = None,
    ):
        self.watch = watch
        self.model, self.step, self.images, self.validation, self.budget = model, step, images, validation, budget
        fused = all(p.device.type in ("cpu", "cuda") for p in model.parameters())
        self.optimizer = torch.optim.Adam(model.parameters(), lr=budget.learning_rate, eps=ADAM_EPS, fused=fused)
        self.generator = torch.Generator(images.device).manual_seed(seed)
        self.steps_per_epoch = math.ceil(len(images) / budget.batch_size)
        self.best = copy.deepcopy(model.state_dict())
        self.best_epoch = 0
        self.train: list[float] = []
        self.validated: list[float] = []
        self.terms: dict[str, list[float]] = {}
        self.seconds = 0.0

    @property
    def stopped(self) -> bool:
        """Whether the epochs or the patience are used up."""
        epoch, patience = len(self.train), self.budget.patience
        return epoch >= self.budget.epochs or (patience is not None and epoch - self.best_epoch >= patience)

    def epoch(self, bar: tqdm) -> None:
        """Train on every image once, validate, and keep the weights if they are the best so far."""
        start = time.perf_counter()
        epoch = len(self.train) + 1
        total = 0.0
        for i, x in enumerate(batches(self.images, self.budget.batch_size, generator=self.generator)):
            step = (epoch - 1) * self.steps_per_epoch + i
            factor = learning_rate_factor(step, self.budget.epochs * self.steps_per_epoch, self.budget.warmup_steps)
            for group in self.optimizer.param_groups:
                group["lr"] = self.budget.learning_rate * factor
            loss = self.step(self.model, self.optimizer, x)
            total += len(x) * _finite(loss, f"train_step in epoch {epoch}, batch {i + 1}")
            bar.update()
        self.train.append(total / len(self.images))
        self.validated.append(_finite(self.validate(), f"the validation loss after epoch {epoch}"))
        if self.validated[-1] <= min(self.validated):
            self.best, self.best_epoch = copy.deepcopy(self.model.state_dict()), epoch
        if self.watch is not None:
            self.look()
        self.seconds += time.perf_counter() - start
        bar.set_postfix_str(f"epoch {epoch}, train {self.train[-1]:.2f}, validation {self.validated[-1]:.2f} nats")

    def validate(self) -> float:
        """Return the mean loss in evaluation mode, the same noise at every call, in nats per image."""
        cuda = [self.images.device.index or 0] if self.images.device.type == "cuda" else []
        self.model.eval()
        total = torch.zeros((), device=self.images.device, dtype=torch.float64)
        with torch.no_grad(), torch.random.fork_rng(devices=cuda):
            torch.manual_seed(VALIDATION_SEED)
            for x in batches(self.validation, VALIDATION_BATCH, how=VALIDATION_BINARIZATION, shuffle=False):
                loss = self.model(x)
                if loss.dim() != 0:
                    raise ValueError(f"model(x): expected one number, the mean loss, got shape {tuple(loss.shape)}")
                total += len(x) * loss
        return total.item() / len(self.validation)

    def look(self) -> None:
        """Add the means of what is watched, in evaluation mode; random numbers are afterwards as before."""
        cuda = [self.images.device.index or 0] if self.images.device.type == "cuda" else []
        totals: dict[str, float] = {}
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=cuda):
                for x in batches(self.validation, VALIDATION_BATCH, how=VALIDATION_BINARIZATION, shuffle=False):
                    for name, values in self.watch(self.model, x).items():
                        if values.shape != (len(x),):
                            raise ValueError(f"{name}: expected shape {(len(x),)}, got {tuple(values.shape)}")
                        totals[name] = totals.get(name, 0.0) + values.double().sum().item()
        except Exception as error:  # the student's own functions may raise anything
            tqdm.write(f"watch: {type(error).__name__}: {error}. Training goes on without it.", file=sys.stdout)
            self.watch = None
            return
        for name, total in totals.items():
            self.terms.setdefault(name, []).append(total / len(self.validation))

    def save(self, path: Path, plan: dict) -> None:
        """Write all that the next epoch depends on."""
        optimizer = self.optimizer.state_dict()
        tensors = {f"model/{key}": tensor for key, tensor in self.model.state_dict().items()}
        tensors |= {f"best/{key}": tensor for key, tensor in self.best.items()}
        for index, state in optimizer["state"].items():
            tensors |= {f"optimizer/{index}/{key}": tensor for key, tensor in state.items()}
        tensors |= {"generator/data": self.generator.get_state(), "generator/torch": torch.get_rng_state()}
        if self.images.device.type == "cuda":
            tensors["generator/cuda"] = torch.cuda.get_rng_state(self.images.device)
        progress = {key: getattr(self, key) for key in ("best_epoch", "train", "validated", "seconds", "terms")}
        metadata = {"plan": plan, "images": len(self.images), "progress": progress, "device": self.images.device.type}
        checkpoints.write(path, tensors, metadata)

    def resume(self, path: Path, plan: dict) -> None:
        """Take over the state that `save` wrote.

        Raises:
            CheckpointError: when the file is unreadable or of another model, budget, data set or kind of device.
        """
        tensors, metadata = checkpoints.read(path)
        _compare(path, "plan", plan, metadata)
        _compare(path, "images", len(self.images), metadata)
        _compare(path, "device", self.images.device.type, metadata)
        parts: dict[str, dict] = {"model": {}, "best": {}, "optimizer": {}, "generator": {}}
        for key, tensor in tensors.items():
            part, rest = key.split("/", 1)
            parts[part][rest] = tensor
        checkpoints.fill(self.model, parts["best"], path)
        self.best = copy.deepcopy(self.model.state_dict())
        checkpoints.fill(self.model, parts["model"], path)
        state: dict[int, dict] = {}
        for key, tensor in parts["optimizer"].items():
            index, entry = key.split("/")
            state.setdefault(int(index), {})[entry] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.generator.set_state(parts["generator"]["data"])
        torch.set_rng_state(parts["generator"]["torch"])
        if self.images.device.type == "cuda":
            torch.cuda.set_rng_state(parts["generator"]["cuda"], self.images.device)
        for key, value in metadata["progress"].items():
            setattr(self, key, value)


def _train(run: _Run, unfinished: Path, plan: dict) -> History:
    steps = run.budget.epochs * run.steps_per_epoch
    initial = len(run.train) * run.steps_per_epoch
    # Plain tqdm on stdout: a notebook marks stderr as an error, and the widget needs a browser.
    with tqdm(total=steps, initial=initial, file=sys.stdout, mininterval=1, unit="batch", dynamic_ncols=True) as bar:
        while not run.stopped:
            try:
                run.epoch(bar)
            except TrainingError:
                unfinished.unlink(missing_ok=True)  # it would lead to the same failure again
                raise
            run.save(unfinished, plan)
    run.model.load_state_dict(run.best)
    run.model.eval()
    return History(
        train=run.train,
        validation=run.validated,
        best_epoch=run.best_epoch,
        epochs=len(run.train),
        seconds=run.seconds,
        dataset=plan["dataset"],
        binarization=TRAIN_BINARIZATION,
        device=str(run.images.device),
        torch=torch.__version__,
        terms={name: values for name, values in run.terms.items() if len(values) == len(run.train)},
    )


def _budget(budget: str | Budget | None) -> Budget:
    budget = environment.budget() if budget is None else budget
    if isinstance(budget, Budget):
        return budget
    if budget not in BUDGETS:
        raise ValueError(f"budget is {budget!r}, expected one of {', '.join(BUDGETS)} or a Budget")
    return BUDGETS[budget]


def _finished(path: Path, model: nn.Module, dataset: str) -> History:
    """Load a finished run and return its history."""
    tensors, metadata = checkpoints.read(path)
    try:
        history = History(**metadata["history"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path} holds no history of a training run: delete or rename it.") from error
    if history.dataset != dataset:
        raise CheckpointError(
            f"{path} was trained on the data set {history.dataset}, and here the data set is {dataset} "
            f"(COURSE_DATASET, or the course's in lab/course.json). Set COURSE_DATASET={history.dataset} to use the "
            f"file, or rename it to train on {dataset}."
        )
    checkpoints.fill(model, tensors, path)
    model.eval()
    print(f"{path}: loaded, trained for {history.epochs} epochs before. Delete the file to train again.")
    return history


def _compare(path: Path, key: str, asked: object, metadata: dict) -> None:
    found = metadata.get(key)
    if found != asked:
        raise CheckpointError(
            f"{path} is of another run: {key} was {found}, and now {asked} is asked for. "
            "Delete or rename the file to train anew."
        )


def _finite(loss: float, where: str) -> float:
    if not isinstance(loss, int | float):
        raise TypeError(f"{where}: expected the loss as a Python float, got {type(loss).__name__}. Return loss.item().")
    if not math.isfinite(loss):
        raise TrainingError(
            f"{where}: the loss is {loss}, which no further step can repair. Look for a logarithm or an exponential "
            "of something unbounded, or a learning rate that is too high. The next run starts from the beginning."
        )
    return loss
