"""Hidden tests of inference_gaps."""

import torch

from autograder.judging import expect
from autograder.judging.draw import Draw
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.suite.asking import fresh_chance
from autograder.suite.gaps.shared import ask, item, items
from autograder.suite.question import Question

NAMES = ("approximation gap", "amortisation gap", "inference gap")
EXPECTED = "three tensors: approximation, amortisation and inference gap"


@worth("inference_gaps", 3)
def test_inference_gaps_are_the_three_differences(student, draw):
    """They are log p(x) - L[q*], L[q*] - L[q] and log p(x) - L[q], in this order (Cremer, Li and Duvenaud 2018, section 3)."""
    for batch in (5, 1, 3):
        are_right(student, *bounds(draw, batch))


@worth("inference_gaps", 2)
def test_inference_gaps_are_given_for_every_image(student, draw):
    """Each is given image by image, (B,): no mean is taken, and a gap that noise makes negative is not cut at zero."""
    log_p, local, amortized = bounds(draw, 6)
    are_right(student, log_p, log_p + 0.2 * draw.uniform(6), amortized)
    are_right(student, log_p, local, local + 0.2 * draw.uniform(6))
    are_right(student, local - 1, local, amortized)


@worth("inference_gaps", kind=Kind.CARE)
def test_inference_gaps_leave_their_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, changes none of its arguments, and answers float32 in float32."""
    for dtype in (torch.float64, torch.float32):
        given = [value.to(dtype) for value in bounds(draw, 5)]
        question = gaps(student, *given)
        chance, seen = fresh_chance(student), question.inspected()
        after = student.global_rng()
        for got in items(question, seen.value, EXPECTED, 3):
            question.is_varied(question.is_like((5,), dtype, got=got))
        are_right(student, *given)
        question.leaves_alone(seen)
        question.draws_nothing(chance, after, "Nothing here is random.")


def bounds(draw: Draw, batch: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return log p(x) and two bounds below it, (B,) each."""
    log_p = draw.normal(batch, scale=10.0, shift=-90.0)
    local = log_p - draw.uniform(batch, low=0.5, high=4.0)
    return log_p, local, local - draw.uniform(batch, low=0.5, high=4.0)


def gaps(student: Student, log_p: torch.Tensor, local: torch.Tensor, amortized: torch.Tensor) -> Question:
    return ask(student, "inference_gaps", log_p=log_p, elbo_local=local, elbo_amortized=amortized)


def are_right(student: Student, log_p: torch.Tensor, local: torch.Tensor, amortized: torch.Tensor) -> None:
    """Demand the three gaps."""
    question = gaps(student, log_p, local, amortized)
    got = items(question, question.answer(), EXPECTED, 3)
    if not any(isinstance(one, torch.Tensor) for one in got):
        raise question.wrong(EXPECTED, expect.described(got), "Return three tensors.")

    def together(answer: object) -> torch.Tensor | None:
        """Return the three as one tensor: one alone may be several mistakes'."""
        found = [item(place)(answer) for place in range(3)]
        alike = all(isinstance(one, torch.Tensor) and one.is_floating_point() and one.dim() < 2 for one in found)
        return torch.cat([one.reshape(-1) for one in found]) if alike else None

    hint = gaps(student, log_p, local, amortized).taking(together)
    for place, want in enumerate((log_p - local, local - amortized, log_p - amortized)):
        question.looking(lambda _: hint.hint(together(got)) if together(got) is not None else "")
        question.equals(
            want, got=got[place], todo=f"Item {place} is the {NAMES[place]}.", shape="One value for every image."
        )
