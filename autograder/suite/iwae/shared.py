"""What several exercises of iwae are asked with."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from autograder.judging import expect, mistakes
from autograder.judging.draw import Draw
from autograder.judging.expect import attempt, call
from autograder.judging.mistakes import SAID
from autograder.judging.oracles import AffineModel
from autograder.kernel.answers import Inspection, State
from autograder.kernel.remote import Student
from autograder.suite.asking import SHAPE, placed
from autograder.suite.iwae import public

EXTREME = "exp(-10,000) rounds to zero and exp(10,000) to infinity: take the largest out before the exponentials."


def without_code(toy: AffineModel) -> AffineModel:
    """Return the toy with logits that ignore z: log w is log p(z) - log q(z|x) but for a constant."""
    return toy.changed(weight=torch.zeros_like(toy.weight))


def with_posterior(toy: AffineModel, mean: torch.Tensor, log_var: torch.Tensor) -> AffineModel:
    """Return the toy with one q(z|x) = N(mean, diag exp log_var) for all images."""
    none = torch.zeros_like(toy.weight_mu)
    return toy.changed(weight_mu=none, bias_mu=mean, weight_log_var=none, bias_log_var=log_var)


def image(draw: Draw, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Return one binary image of the assignment's size."""
    return draw.binary(1, 1, 28, 28, dtype=dtype)


def distinct(draw: Draw, batch: int) -> torch.Tensor:
    """Return small binary images of which at least two differ in every pixel."""
    x = draw.binary(batch, *SHAPE)
    x[0], x[1] = 0.0, 1.0
    return x


def check_of_weights(
    student: Student,
    name: str,
    log_w: torch.Tensor,
    truth: Callable[[torch.Tensor], torch.Tensor],
    extreme: bool = False,
) -> None:
    """Compare what iwae_bound or normalized_weights makes of log weights with the formula.

    `extreme`: what the student's own function makes of the weights divided by the largest is as right.
    """
    want, bound = truth(log_w), name == "iwae_bound"
    shift = log_w.amax(0) if bound else log_w.max()

    def own():
        moderate = finite(lambda: student.call(name, log_w - shift))
        if moderate is not None and moderate.shape == want.shape:
            back = moderate + shift if bound else moderate
            yield back if expect.varies(back) else None

    shape_todo = {"iwae_bound": "One bound for every image.", "normalized_weights": "One share for every log weight."}
    expect.close(
        student.call(name, log_w),
        want,
        asked=call(name, log_w=log_w),
        also=own() if extreme else (),
        example=lambda: public.example(student, name),
        hint=lambda got: (
            mistakes.recognise(name, got, log_w)
            or (
                EXTREME
                if extreme and expect.equal(attempt(lambda: student.call(name, mild(log_w))), truth(mild(log_w)))
                else ""
            )
        ),
        shape_todo=shape_todo[name],
    )


def mild(log_w: torch.Tensor) -> torch.Tensor:
    """Return log weights of order one in the same order: only who is right for these is wrong because of their size."""
    return 3 * log_w / log_w.abs().max()


def answer_for(student: Student, name: str, log_w: torch.Tensor) -> torch.Tensor:
    """Return what iwae_bound or normalized_weights answers, checked for kind."""
    shape = log_w.shape[1:] if name == "iwae_bound" else log_w.shape
    return expect.tensor(student.call(name, log_w), shape, log_w.dtype, asked=call(name, log_w=log_w))


def bound_depends(student: Student, log_w: torch.Tensor) -> bool:
    """Return whether the student's bound answers finite numbers that depend on moderate weights."""
    moderate = log_w - log_w.amax(0)
    return expect.varies(finite(lambda: student.iwae_bound(torch.cat([moderate, moderate - 1], 1))))


def finite(function: Callable[[], object]) -> torch.Tensor | None:
    """Return what the call returns, detached, if it is a tensor of finite numbers."""
    value = attempt(function)
    right = isinstance(value, torch.Tensor) and value.is_floating_point() and bool(torch.isfinite(value).all())
    return value.detach() if right else None


def check_manners(
    earlier: "Earlier", seen: Inspection, before: State, after: State, asked: str, x: torch.Tensor
) -> None:
    """Check that a call printed nothing and changed neither x nor the model, but for what earlier functions do."""
    if not earlier.prints:
        expect.silent(seen, asked=asked)
    if not earlier.changes:
        expect.surroundings_kept(seen, asked=asked)
    expect.inputs_kept(seen, {"model": ..., "x": x}, asked=asked)
    if not earlier.changes:
        expect.state_kept(before, after, asked=asked)


@dataclass(frozen=True)
class Earlier:
    """What a student's log_weights and iwae_bound do besides answering rightly: that is judged with them.

    Attributes:
        prints: one of them prints. changes: log_weights changes the model or a mode. deaf: log_weights gives the same
            for all noise. draws: it draws noise of its own. shares_noise: log_weights gives images that are alike the same, whatever their noise.
    """

    prints: bool
    changes: bool
    deaf: bool
    draws: bool
    shares_noise: bool

    @property
    def generator_ignored(self) -> str:
        """What to say where a seed does not decide an answer; nothing where log_weights may be the reason."""
        return "" if self.draws else SAID["generator_ignored"]

    @classmethod
    def of(cls, student: Student, draw: Draw) -> "Earlier":
        """Return what is known of a submission."""
        toy, eps = AffineModel.drawn(draw, 2), draw.normal(2, 3, 4, 2)
        x, alike = distinct(draw, 4), torch.ones(4, *SHAPE, dtype=torch.float64)
        model = placed(student, toy)
        for part in ("encoder", "decoder"):
            model.attribute(part).train()
        before = model.state()
        seen = [attempt(lambda e=e: student.inspect("log_weights", model, x, e)) for e in eps]
        again = attempt(lambda: student.log_weights(model, x, eps[0]))
        bound = attempt(lambda: student.inspect("iwae_bound", draw.normal(3, 4)))
        at_rest = placed(student, toy)
        rest = at_rest.state()
        resting = attempt(lambda: student.inspect("log_weights", at_rest, x, eps[0]))
        disturbed = expect.changes(rest, at_rest.state()) is not None or bool(resting and resting.surroundings)
        after, same = model.state(), attempt(lambda: student.log_weights(model, alike, eps[0]))
        values = [inspection.value for inspection in seen if inspection is not None and expect.varies(inspection.value)]
        return cls(
            prints=any(inspection is not None and bool(inspection.printed) for inspection in (*seen, bound)),
            changes=disturbed or expect.changes(before, after) is not None,
            deaf=len(values) == 2 and expect.identical(*values),
            draws=bool(values) and expect.varies(again) and not expect.identical(again, values[0]),
            shares_noise=isinstance(same, torch.Tensor)
            and same.shape == (3, 4)
            and expect.equal(same, same[:, :1].expand(3, 4)),
        )


def dependent(student: Student, draw: Draw) -> bool:
    """Return whether the student's log weights depend on the image: those of nonsense need not be followed."""
    toy, x, eps = AffineModel.drawn(draw, 2), distinct(draw, 4), draw.normal(3, 4, 2)
    return expect.varies(attempt(lambda: student.log_weights(placed(student, toy), x, eps)))


WEIGHTS = ((5, 3), (2, 6), (1, 4), (4, 4), (7, 1))  # (K, B)
