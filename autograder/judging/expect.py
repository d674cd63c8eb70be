"""Assertions about a student's answers: each says what was asked, what was expected, what came and what to do.

What was expected is said in kind (shape, dtype, property), never as the hidden value. Answers come from `remote`, so
they are plain tensors and Python values, but of any type, shape and content.

    Wrong(AssertionError)    a failed hidden test; `hint` names the known mistake the answer looks like
"""

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest

import torch

from autograder.judging import sentences
from autograder.judging.accuracy import EXACT, PRECISION
from autograder.judging.statistics import Finding
from autograder.kernel.answers import Inspection, State
from autograder.kernel.failures import Raised, StudentError

Hint = Callable[[object], str] | None


class Wrong(AssertionError):
    """An answer that is not right.

    Args:
        asked: the call, as `call` describes it.
        expected: what was expected, in kind.
        got: what came.
        todo: what to do about it, where just this went wrong: the hint, unless there is a better one.
        hint: the known mistake it looks like.
        advice: what to try where nothing is known; part of the message.
    """

    def __init__(self, asked: str, expected: str, got: str, todo: str = "", hint: str = "", advice: str = ""):
        more = [text for text in (todo if hint else "", advice) if text]
        super().__init__(" ".join([f"{asked}: expected {expected}, got {got}.", *more]))
        self.hint = hint or todo


def call(function: str, **arguments: object) -> str:
    """Return a call in words: its arguments, the shapes of tensors, and their dtype.

    Example:
    >>> call("vae", x=torch.zeros(5, 1, 2, 3), reduction="mean")
    "vae(x, reduction='mean') with x (5, 1, 2, 3), float32"
    """
    tensors = {name: value for name, value in arguments.items() if isinstance(value, torch.Tensor)}
    plain = (bool, int, float, str)
    words = [f"{name}={value!r}" if isinstance(value, plain) else name for name, value in arguments.items()]
    text = f"{function}({', '.join(words)})"
    if tensors:
        shapes = ", ".join(f"{name} {tuple(value.shape)}" for name, value in tensors.items())
        text += f" with {shapes}, {kind(next(iter(tensors.values())).dtype)}"
    return text


def kind(dtype: torch.dtype) -> str:
    """Return float64 for torch.float64."""
    return str(dtype).removeprefix("torch.")


def described(value: object) -> str:
    """Return what a value is in words, without its numbers."""
    if value is None:
        return "None"
    if isinstance(value, torch.Tensor):
        return f"a {kind(value.dtype)} tensor of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    article = "an" if type(value).__name__[0] in "aeiou" else "a"
    return f"{article} {type(value).__name__}"


def tensor(
    got: object,
    shape: Iterable[int],
    dtype: torch.dtype | None,
    *,
    asked: str,
    gradient: bool | None = None,
    todo: str = "",
    hint: Hint = None,
) -> torch.Tensor:
    """Return `got`, detached, if it is a finite tensor of that shape and dtype.

    Args:
        dtype: None for any floating type.
        gradient: False where the result must not require gradient; None where it may.
        todo: what to do when the shape is wrong.
        hint: tells the known mistake that an answer of a wrong shape looks like.
    """
    shape = tuple(shape)
    expected = f"a tensor of shape {shape}"
    if got is None:
        raise Wrong(asked, expected, "None", "Does every path through the function end in `return`?")
    if not isinstance(got, torch.Tensor):
        raise Wrong(asked, expected, described(got), "Return one torch.Tensor.")
    if tuple(got.shape) != shape:
        what = f"shape {tuple(got.shape)}" + (" (one number)" if got.dim() == 0 else "")
        known = (hint(got) if hint else "") or todo
        advice = "" if known else "Check which axes are summed and which are kept."
        raise Wrong(asked, f"shape {shape}", what, "", known, advice)
    wanted = kind(dtype) if dtype else "a floating dtype"
    if got.dtype != dtype and (dtype or not got.is_floating_point()):
        raise Wrong(
            asked,
            wanted,
            kind(got.dtype),
            "",
            sentences.OTHER_DTYPE if got.is_floating_point() else sentences.NOT_FLOATING,
        )
    if gradient is False and got.requires_grad:
        raise Wrong(asked, "a result without gradient", "one that requires gradient", "", sentences.GRADIENT_LEFT)
    bad = int((~torch.isfinite(got.detach())).sum())
    if bad:
        which = "NaN" if bool(torch.isnan(got.detach()).any()) else "infinite"
        advice = "Look for log(0), 0 · inf, or exp of a large number."
        known = hint(got) if hint else ""
        raise Wrong(asked, "finite numbers", f"{bad} of {got.numel()} that are {which}", "", known, advice)
    return got.detach()


def close(
    got: object,
    want: torch.Tensor,
    *,
    asked: str,
    also: Iterable[torch.Tensor | None] = (),
    hint: Hint = None,
    gradient: bool | None = None,
    todo: str = "",
    shape_todo: str = "",
    example: Callable[[], str] | None = None,
) -> torch.Tensor:
    """Return `got`, detached, if it equals `want` to the accuracy asked for, or one of the other values that are as
    right.

    Accuracy: 1e-5 per value in float64 (relative to values above 1), 1e-3 in float32, relative to the larger of a value
    and the mean size of all.

    Args:
        also: other right answers, such as what the student's own earlier functions give. Read only if `want` does not
            match; None entries are skipped.
        hint: tells the known mistake that the answer looks like.
        gradient: False where the result must not require gradient.
        todo: what to do when values are wrong; shape_todo: when the shape is.
        example: tells a public case, its right value, and the student's own.
    """
    if not equal(got, want) and not any(equal(got, other) for other in also):
        found = tensor(got, want.shape, want.dtype, asked=asked, gradient=gradient, todo=shape_todo, hint=hint)
        off = int((~_near(found, want)).sum())
        what = "another value" if want.dim() == 0 else f"{off} of {want.numel()} values that differ from it"
        known = hint(found) if hint else ""
        case = example() if example else ""
        advice = " ".join(filter(None, (case, todo or ("" if case else "Work one small case by hand."))))
        raise Wrong(asked, "the value of the formula", what, "", known, advice)
    if gradient is False and got.requires_grad:
        raise Wrong(asked, "a result without gradient", "one that requires gradient", "", sentences.GRADIENT_LEFT)
    return got.detach()


def underflown(got: object) -> str:
    """Return what to say about an answer that is minus infinity somewhere, where a logarithm of a density is asked."""
    infinite = isinstance(got, torch.Tensor) and got.is_floating_point() and bool((got == -math.inf).any())
    return sentences.LOG_OF_DENSITY if infinite else ""


def unsteady(ask: Callable[[], object], got: object) -> str:
    """Return what to say about an answer that is another one when the same is asked again, or an empty text."""
    again = attempt(ask)
    both = isinstance(got, torch.Tensor) and isinstance(again, torch.Tensor)
    return sentences.UNSTEADY if both and not identical(got.detach(), again.detach()) else ""


def derivative(
    got: torch.Tensor | None,
    want: torch.Tensor,
    *,
    asked: str,
    of: str,
    todo: str = "",
    hint: str = "",
    right: bool = False,
) -> None:
    """Check a gradient for `of` against its value.

    Args:
        hint: what is known about a gradient that is there, but another one.
        right: the value that is differentiated is known to be right, so that only the graph can be wrong.
    """
    if got is None or (not bool(got.any()) and bool(want.any())):
        expected = f"a result that is differentiable in {of}"
        came = "one that no gradient flows through" if got is None else "one whose gradient is zero"
        detached = got is None or right  # of a wrong value the gradient may be zero with a graph that is whole
        raise Wrong(asked, expected, came, "", sentences.DETACHED if detached else hint, todo)
    if tuple(got.shape) != tuple(want.shape) or not bool(torch.isfinite(got).all()):
        raise Wrong(
            asked,
            f"a finite gradient for {of}",
            "NaN or infinite numbers",
            hint=hint,
            advice=todo or "Look for log(0), sqrt(0) or 0 · inf.",
        )
    if not bool(_near(got, want).all()):
        rough = bool(
            (got - want).abs().max() <= 0.05 * want.abs().max()
        )  # a small number somewhere, no term that is missing
        raise Wrong(
            asked,
            f"the gradient of the formula for {of}",
            "another one",
            "",
            hint or _multiple(got, want) or (sentences.TERM_DETACHED if right and not rough else ""),
            todo,
        )


def _multiple(got: torch.Tensor, want: torch.Tensor) -> str:
    """Return what to say about a gradient that is a multiple of the right one."""
    flat, true = got.detach().double().flatten(), want.detach().double().flatten()
    if true.numel() < 2 or not bool(true.any()):
        return ""
    factor = float(flat @ true / (true @ true))
    if not bool(((flat - factor * true).abs() <= EXACT * (1 + true.abs())).all()):
        return ""
    if abs(factor - 1) < 1e-2:
        return ""
    if abs(factor + 1) < 1e-4:
        return sentences.OPPOSITE_GRADIENT
    return f"The gradient is {factor:.3g} times what it should be: look for a factor."


def agrees(finding: Finding, *, asked: str, expected: str, got: str, todo: str = "", hint: str = "") -> None:
    """Check a statistical finding."""
    if not finding:
        raise Wrong(asked, expected, got, "", hint, todo)


def pair(got: object, *, asked: str) -> tuple[object, object]:
    """Return the two items of an answer that is a pair (mu, log_var)."""
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        raise Wrong(
            asked, "two tensors, (mu, log_var)", described(got), "Return both, mean first: `return mu, log_var`."
        )
    return got[0], got[1]


def silent(inspection: Inspection, *, asked: str) -> None:
    """Check that a call printed nothing."""
    if inspection.printed:
        raise Wrong(asked, "no printed output", "some", "", sentences.PRINTED)


def surroundings_kept(inspection: Inspection, *, asked: str) -> None:
    """Check that a call left torch's own state as it was: gradients switched on, the dtype of new tensors, and other settings."""
    known = {"gradient mode": sentences.GRADIENTS_OFF, "default dtype": sentences.DEFAULT_DTYPE}
    for name in inspection.surroundings:
        raise Wrong(asked, f"torch's {name} to be as it was", "another one after the call", "", known.get(name, ""))


def inputs_kept(inspection: Inspection, arguments: Mapping[str, object], *, asked: str) -> None:
    """Check that the tensors among a call's arguments are as they were."""
    for (name, before), after in zip_longest(arguments.items(), inspection.arguments[: len(arguments)]):
        if isinstance(before, torch.Tensor) and not identical(before, after):
            raise Wrong(asked, f"{name} to be as it was before the call", f"a changed {name}", "", sentences.IN_PLACE)


def random_state_kept(before: torch.Tensor, after: torch.Tensor, *, asked: str, todo: str) -> None:
    """Check that a call drew nothing from torch's global random number generator."""
    if not torch.equal(before, after):
        raise Wrong(asked, "torch's global random number generator to be left alone", "a call that drew from it", todo)


def changes(before: State, after: State) -> tuple[str, str] | None:
    """Return what differs first between two states of a module, and where; None where nothing does."""
    for what in ("parameters", "buffers", "gradients", "requires_grad", "training"):
        old, new = getattr(before, what), getattr(after, what)
        names = [
            name for name in {**old, **new} if name not in old or name not in new or not identical(old[name], new[name])
        ]
        if names:
            return what, ", ".join(name or "the model itself" for name in names[:3])
    return None


def state_kept(before: State, after: State, *, asked: str) -> None:
    """Check that a call left parameters, buffers, gradients, requires_grad and modes as they were."""
    changed = changes(before, after)
    if changed is None:
        return
    what, names = changed
    if what == "training":
        todo = "Leave every submodule in the mode in which you found it."
        raise Wrong(
            asked, "every submodule in the mode it was in", f"another mode of {names}", todo, sentences.MODE_CHANGED
        )
    raise Wrong(asked, f"the model's {what} to be as they were", f"others: {names}", "Only training changes a model.")


def refused(function: Callable[[], object], error: str, *, asked: str, todo: str) -> None:
    """Check that a call raises the exception named `error`, or one derived from it."""
    try:
        got = function()
    except Raised as raised:
        if error not in raised.kinds:
            raise Wrong(asked, f"a {error}", f"{raised.kinds[0]}", todo) from None
    else:
        raise Wrong(asked, f"a {error}", described(got), todo)


def attempt(function: Callable[[], object]) -> object:
    """Return what the call returns, or None where the submission fails at it."""
    try:
        return function()
    except StudentError:
        return None


def equal(got: object, want: object) -> bool:
    """Return whether two tensors agree in shape, dtype and, to the accuracy asked for, in value."""
    if not isinstance(got, torch.Tensor) or not isinstance(want, torch.Tensor):
        return False
    if got.shape != want.shape or got.dtype != want.dtype or not got.is_floating_point():
        return False
    return bool(_near(got, want).all())


def close_to(got: torch.Tensor, want: torch.Tensor) -> bool:
    """Return whether two tensors agree in shape and, to the accuracy asked for, in value: for public cases."""
    return got.shape == want.shape and got.is_floating_point() and bool(_near(got, want).all())


def identical(first: object, second: object) -> bool:
    """Return whether two values are the same, bit for bit; NaN equals NaN."""
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        same_kind = first.shape == second.shape and first.dtype == second.dtype
        return same_kind and torch.equal(torch.nan_to_num(first.detach()), torch.nan_to_num(second.detach()))
    return type(first) is type(second) and first == second


def varies(value: object) -> bool:
    """Return whether a value is a tensor of finite numbers that are not all equal."""
    if (
        not isinstance(value, torch.Tensor)
        or value.numel() < 2
        or not bool(torch.isfinite(value.detach().double()).all())
    ):
        return False
    numbers = value.detach().double()
    return not math.isclose(float(numbers.min()), float(numbers.max()), rel_tol=1e-9, abs_tol=1e-12)


def varied(value: object, *, asked: str) -> None:
    """Check that an answer is a tensor of finite numbers that differ: a constant answers nothing."""
    if not varies(value):
        what = "one number for all" if isinstance(value, torch.Tensor) and value.numel() > 1 else described(value)
        raise Wrong(asked, "finite numbers that depend on the inputs", what)


def _near(got: torch.Tensor, want: torch.Tensor) -> torch.Tensor:
    precision = PRECISION.get(want.dtype, EXACT)
    got, want = got.detach().double(), want.detach().double()
    size = want.abs()
    least = 1.0 if precision < 1e-4 or size.numel() == 0 else min(1.0, max(float(size.mean()), 1e-30))
    # no finite number is near to an infinite one, whatever the share that it may be off by
    return ((got - want).abs() <= precision * size.clamp(min=least)) & torch.isfinite(want) | (got == want)
