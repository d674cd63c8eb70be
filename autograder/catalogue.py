"""What is taught: each folder of suite/ with an `assignment.py` is an assignment, and says there what it builds on and what it trains.

The only module that knows where assignments lie; the rest of the grader asks here, and names none of them. See CONTRIBUTING.md.
"""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course import ROOT, ConfigError

SUITE = Path(__file__).with_name("suite")
SEEDS = 5  # reference runs of a network, where a model says nothing else


@dataclass(frozen=True)
class Network:
    """One architecture of the reference runs of a model.

    Args:
        build: returns an untrained model, drawn from torch's global generator.
        checkpoint: the model's name in the file names of its reference runs; as in the notebook's where None.
        plan: returns how it is trained, given the budget and its name.
    """

    build: Callable[[], Any]
    checkpoint: str | None = None
    plan: Callable[[Any, str], Any] = lambda budget, name: budget


@dataclass(frozen=True)
class LearnedPrior:
    """What a model with a learned prior is asked to have.

    Args:
        called: the prior's class, for messages.
        density: returns what the contract says a prior's parameters stand for: an object with `latent_dim`, `log_prob(z)` and
            `sample(n, draw)`, all in float64. Raises BadAnswer for parameters that the contract does not allow.
    """

    called: str
    density: Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Model:
    """A trained model of a notebook.

    Args:
        name: the notebook's variable that holds it.
        networks: architectures of its reference runs by the name in their keys; first the notebook's own.
        checkpoints: names that notebooks give it in its checkpoint's file name; first the assignment's own.
        num_samples: samples per image in training, K.
        prior: None for N(0, I).
        seeds: reference runs of each network.
        admits: models whose reference runs set its gates beside its own, so that no learned prior has to gain anything.
    """

    name: str
    networks: Mapping[str, Network]
    checkpoints: tuple[str, ...]
    num_samples: int = 1
    prior: LearnedPrior | None = None
    seeds: int = SEEDS
    admits: tuple[str, ...] = ()

    @property
    def costly(self) -> bool:
        """Whether one run takes as long as ten others, and fewer are made."""
        return self.seeds < SEEDS


@dataclass(frozen=True)
class Comparison:
    """What solutions/reference.md says of an assignment's models beside each other.

    Args:
        title: of the table.
        objectives: what each model maximises, by its name.
        order: models whose bounds become tighter, from the loosest on.
        entry: the number of a reference run that says that `measures` was done.
        measures: returns more numbers of a model, given it, held-out images drawn once, the same cut at one half, and K.
        explanation, published: what stands below the tables, in Markdown.
    """

    title: str
    objectives: Mapping[str, str]
    order: tuple[str, ...]
    entry: str
    measures: Callable[..., dict[str, float]]
    explanation: str
    published: str


@dataclass(frozen=True)
class Study:
    """Experiments of a notebook that hands in no model: it is run whole, with several seeds, and leaves numbers in results.yaml.

    Args:
        tables: returns what solutions/reference.md says of the records, Markdown, given them by their keys.
        seeds: runs with each data set and budget.
    """

    tables: Callable[[dict[str, dict]], str]
    seeds: int = 3


@dataclass(frozen=True)
class Assignment:
    """One assignment.

    Args:
        builds_on: assignments whose reference solutions its notebook is given.
        models: trained models that its notebook hands in.
        comparison: of its models, in solutions/reference.md.
        measures: what `python -m autograder evaluate` measures beside likelihoods, given a model and held-out images.
        study: of its notebook, in solutions/reference.md.
    """

    builds_on: tuple[str, ...] = ()
    models: tuple[Model, ...] = ()
    comparison: Comparison | None = None
    measures: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    study: Study | None = None


def of(name: str) -> Assignment:
    """Return what an assignment says of itself.

    Raises:
        ConfigError: no folder of suite/ declares it.
    """
    if not (SUITE / name / "assignment.py").is_file():
        raise ConfigError(f"there is no assignment {name!r}: autograder/suite/{name}/assignment.py is missing")
    return importlib.import_module(f"autograder.suite.{name}.assignment").assignment


def every() -> list[str]:
    """Return the names of all assignments; those that others build on come first."""
    return with_earlier(sorted(path.parent.name for path in SUITE.glob("*/assignment.py")))


def with_earlier(names: Iterable[str]) -> list[str]:
    """Return assignments with all that they build on, which come first."""
    found: list[str] = []
    for name in names:
        found += [one for one in (*with_earlier(of(name).builds_on), name) if one not in found]
    return found


def models(names: Iterable[str] | None = None) -> dict[str, Model]:
    """Return the models of these assignments, or of all, by name."""
    return {model.name: model for name in (every() if names is None else names) for model in of(name).models}


def toys() -> str:
    """Return the source of the small models that hidden tests ask with: those of all assignments, and each one's own."""
    own = [SUITE / name / "toys.py" for name in every()]
    return "\n\n".join(path.read_text() for path in (SUITE / "toys.py", *own) if path.is_file())


def solution(assignment: str) -> dict:
    """Return the namespace of the reference solution in solutions/, whose modules of earlier assignments it may import."""
    path = ROOT / "solutions" / f"{assignment}.py"
    namespace = {"__name__": f"solutions.{assignment}"}
    with _importable(path.parent):
        exec(compile(path.read_text(), str(path), "exec"), namespace)
    return namespace


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let modules of the folder be imported."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
