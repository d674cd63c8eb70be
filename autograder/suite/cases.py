"""Small cases that everybody may know, one or a few for an exercise, with their right values: where an answer is wrong, a
student is shown one that it misses, the right number beside the own one.

Never a hidden input: the cases are fixed, the same for everybody, and short enough to work by hand.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from autograder.judging import expect, oracles
from autograder.judging.oracles import AffineModel
from autograder.kernel.remote import Handle, Student

NUMBERS = 6  # shown of a value


@dataclass(frozen=True)
class Case:
    """A call in words, how it is asked, and its right value."""

    words: str
    ask: Callable[[Student, Callable], object]
    want: torch.Tensor


Build = Callable[[Student, AffineModel], Handle] | None


def missed(cases: Iterable[Case], student: Student, build: Build) -> str:
    """Return the first of these cases that the student's answer misses, in words, or an empty text where there is none.

    Args:
        build: places a toy as the model that the exercise takes.
    """
    for case in cases:
        got = expect.attempt(lambda case=case: case.ask(student, build))
        if isinstance(got, (int, float)):
            got = torch.tensor(float(got), dtype=torch.float64)
        if not isinstance(got, torch.Tensor) or not expect.close_to(got, case.want):
            return f"A small case: {case.words} is {shown(case.want)}, yours gives {shown(got)}."
    return ""


def shown(value: object) -> str:
    """Return a value in a few digits.

    Example:
    >>> shown(torch.tensor([1.0, -0.123456]))
    '[1, -0.1235]'
    """
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return expect.described(value)
    if value.numel() > NUMBERS:
        return expect.described(value)
    return text(value.detach().tolist())


def text(value: object) -> str:
    """Return nested lists of numbers in a few digits."""
    return f"[{', '.join(map(text, value))}]" if isinstance(value, list) else f"{value:.4g}"


def double(value: object) -> torch.Tensor:
    """Return a tensor in double precision."""
    return torch.tensor(value, dtype=torch.float64)


def called(name: str, *args: torch.Tensor) -> Case:
    """Return the case of a function of tensors, whose truth is the oracle of that name."""
    words = f"{name}({', '.join(map(shown, args))})"
    return Case(words, lambda student, _: student.call(name, *args), getattr(oracles, name)(*args))


# q(z|x) = N(0.5, exp(-1)) for every image, logits (2z, -z), two pixels
TOY = AffineModel(
    weight_mu=torch.zeros(1, 2, dtype=torch.float64),
    bias_mu=double([0.5]),
    weight_log_var=torch.zeros(1, 2, dtype=torch.float64),
    bias_log_var=double([-1.0]),
    weight=double([[2.0], [-1.0]]),
    bias=double([0.0, 0.0]),
    shape=(1, 1, 2),
)
WITH_PRIOR = TOY.changed(prior=(double([1.0]), double([0.0])))
WORDS = "a model with mu = 0.5, log_var = -1 and logits (2z, -z)"
X, ONE, TWO = double([1.0, 0.0]).reshape(1, 1, 1, 2), double([[1.0]]), double([[[1.0]], [[-1.0]]])
POINT = double([[1.0]])


def bounds(label: str, ask: Callable[[Student, Handle, torch.Tensor], object], truth: Callable) -> tuple[Case, ...]:
    """Return cases of a function of a model, an image and noise."""

    def case(toy, eps, what):
        prior = "" if toy.prior is None else " and the prior N(1, 1)"
        words = f"{label} for {WORDS}{prior}, x = (1, 0), {what},"
        return Case(words, lambda student, build: ask(student, build(student, toy), eps), truth(toy, X, eps))

    found = [case(TOY, ONE, "eps = 1"), case(WITH_PRIOR, ONE, "eps = 1"), case(TOY, TWO, "two samples, eps = 1 and -1")]
    return tuple(found)


def blank() -> AffineModel:
    """Return a toy of one pixel whose logits are zero and whose q(z|x) is the prior."""
    none = torch.zeros(1, 1, dtype=torch.float64)
    return AffineModel(none, none[0], none, none[0], none, none[0], (1, 1, 1))
