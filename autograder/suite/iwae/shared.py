"""What several exercises of iwae are asked with."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from autograder.judging import expect, oracles, sentences
from autograder.judging.draw import Draw
from autograder.judging.expect import attempt
from autograder.judging.oracles import AffineModel
from autograder.kernel.answers import Inspection, State
from autograder.kernel.remote import Handle, Student
from autograder.suite.asking import SHAPE, placed
from autograder.suite.iwae import public
from autograder.suite.question import Question

EXTREME = "exp(-10,000) rounds to zero and exp(10,000) to infinity: take the largest out before the exponentials."


WEIGHTS = ((5, 3), (2, 6), (1, 4), (4, 4), (7, 1))  # (K, B)


def ask(student: Student, name: str, **arguments: object) -> Question:
    """Return a question to a student, about this assignment."""
    return Question(student, name, arguments, public.CASES, placed)


def looking_at_size(question: Question, formula: Callable[[torch.Tensor], torch.Tensor]) -> Question:
    """Look whether log weights of order one in the same order are answered rightly: only then it is their size."""
    mild = of_order_one(question.arguments["log_w"])

    def look(_: object) -> str:
        got = attempt(lambda: question.student.call(question.name, mild))
        return EXTREME if expect.equal(got, formula(mild)) else ""

    return question.looking_last(look)


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


def of_order_one(log_w: torch.Tensor) -> torch.Tensor:
    """Return log weights of order one in the same order."""
    return 3 * log_w / log_w.abs().max()


def scripted_at(student: Student, log_p: torch.Tensor) -> Handle:
    """Build a model whose n-th sample has the log weight log_p[n] for an image of one pixel that is 1, whatever the
    noise: q is the prior, and the decoder follows a script.

    log_p = log σ(logit) leads to logit = log_p - log(1 - exp log_p), which is log_p where that is far below zero.
    """
    zeros = torch.zeros(1, 1, dtype=log_p.dtype)
    encoder = student.build("AffineEncoder", zeros, zeros[0], zeros, zeros[0])
    table = log_p - torch.log(-torch.expm1(log_p))
    return student.build("Model", encoder, student.build("ScriptedDecoder", table[:, None], (1, 1, 1)), latent_dim=1)


def changes_nothing(question: Question, seen: Inspection, before: State, after: State, earlier: "Earlier") -> None:
    """Demand that a call printed nothing and changed neither its inputs nor the model, but for what earlier functions do."""
    if not earlier.prints:
        question.prints_nothing(seen)
    if not earlier.changes:
        expect.surroundings_kept(seen, asked=question.asked)
    question.keeps_inputs(seen)
    if not earlier.changes:
        question.keeps_state(before, after)


@dataclass(frozen=True)
class Earlier:
    """What a student's log_weights and iwae_bound do besides answering rightly: that is judged with them.

    Attributes:
        prints: one of them prints. changes: log_weights changes the model or a mode. deaf: log_weights leads to
            the same bound for all noise. draws: it draws noise of its own. shares_noise: log_weights gives images that are alike the
            same, whatever their noise, or has no value for each.
    """

    prints: bool
    changes: bool
    deaf: bool
    draws: bool
    shares_noise: bool

    @property
    def generator_ignored(self) -> str:
        """What to say where a seed does not decide an answer; nothing where log_weights may be the reason."""
        return "" if self.draws else sentences.GENERATOR_IGNORED

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
            deaf=len(values) == 2
            and (
                expect.identical(*values)
                or (
                    values[0].shape == values[1].shape == (3, 4)
                    and expect.equal(*map(oracles.importance_bound, values))
                )
            ),
            draws=bool(values) and expect.varies(again) and not expect.identical(again, values[0]),
            shares_noise=isinstance(same, torch.Tensor)
            and (same.shape != (3, 4) or expect.equal(same, same[:, :1].expand(3, 4))),
        )
