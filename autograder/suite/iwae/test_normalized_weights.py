"""Hidden tests of normalized_weights."""

import torch

from autograder.judging import expect, oracles
from autograder.judging.accuracy import EXACT
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.suite.iwae.follow import of_moderate_weights
from autograder.suite.iwae.shared import WEIGHTS, ask, looking_at_size
from autograder.suite.question import Question


@worth("normalized_weights", 3)
def test_normalized_weights_are_shares_of_a_sum(student, draw):
    """Each is w_k / Σ_j w_j over the samples of its image, (K, B)."""
    for samples, batch in WEIGHTS:
        is_right(shares(student, draw.normal(samples, batch, scale=2.0, shift=-1.0)))


@worth("normalized_weights")
def test_normalized_weights_sum_to_one_over_samples(student, draw):
    """An image's shares sum to one, and a factor on all its weights changes nothing."""
    log_w, shift = draw.normal(4, 6, scale=2.0), draw.uniform(6, low=2.0, high=5.0)
    question = shares(student, log_w)
    got = values(question)
    question.is_varied(got)
    if not bool(((got.sum(0) - 1).abs() < EXACT).all()):
        expected = "shares that sum to one over the samples of each image"
        raise question.wrong(expected, "other sums", hint=question.hint(got))
    if not expect.equal(values(shares(student, log_w + shift)), got):
        expected = "the same shares where an image's log weights grow by one number"
        raise question.wrong(expected, "others", hint=question.hint(got))


@worth("normalized_weights")
def test_normalized_weights_are_exact_for_extreme_weights(student, draw):
    """They are finite and exact for log weights of ±10,000, and where one weight rules all others, in float64 and
    float32."""
    for dtype in (torch.float64, torch.float32):
        for scale, level in ((1.0, -1e4), (1.0, 1e4), (3e3, -5e3)):
            question = shares(student, draw.normal(5, 3, scale=scale, shift=level, dtype=dtype))
            own = of_moderate_weights(question, each=False)
            looking_at_size(question, oracles.importance_shares).equals(oracles.importance_shares, also=own)


@worth("normalized_weights", kind=Kind.GRADIENT)
def test_normalized_weights_pass_gradients(student, draw):
    """They are differentiable in log_w, for use beyond a loss."""
    log_w, cotangent = draw.normal(4, 3), draw.normal(4, 3)
    question, truth = shares(student, log_w), oracles.importance_shares(log_w)
    is_right(question)
    got = question.gradient(cotangent=cotangent).inputs[0]
    question.has_derivative(got, truth * (cotangent - (truth * cotangent).sum(0)), of="log_w")


@worth("normalized_weights", kind=Kind.CARE)
def test_normalized_weights_leave_their_surroundings_alone(student, draw):
    """It prints nothing, changes nothing, draws no random numbers, and answers float32 in float32."""
    shares(student, draw.normal(5, 3)).is_tidy((5, 3), is_right)
    values(shares(student, draw.normal(5, 3, dtype=torch.float32)))


def shares(student: Student, log_w: torch.Tensor) -> Question:
    return ask(student, "normalized_weights", log_w=log_w)


def is_right(question: Question) -> None:
    question.equals(oracles.importance_shares, shape="One share for every log weight.")


def values(question: Question) -> torch.Tensor:
    """Return the answer, checked for kind."""
    (log_w,) = question.arguments.values()
    return question.is_like(log_w.shape, log_w.dtype)
