"""Hidden tests of bernoulli_log_prob."""

import torch

from autograder.judging import oracles
from autograder.judging.accuracy import EXACT
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.suite.asking import COLOURED, SHAPE
from autograder.suite.question import Question
from autograder.suite.vae.shared import EXTREME, ask

ROUNDED = "Probabilities round to 0 and 1 here: work with the logits."


@worth("bernoulli_log_prob", 3)
def test_bernoulli_log_prob_sums_over_pixels(student, draw):
    """It returns the sum over pixels of log Bern(x; σ(logits)), one value for every image, whatever the size of the
    images."""
    for batch, shape in ((5, (1, 2, 3)), (1, (1, 3, 2)), (3, (1, 3, 3)), (2, (1, 28, 28)), (4, COLOURED)):
        is_right(probability(student, draw.binary(batch, *shape), draw.normal(batch, *shape, scale=2.0)))


@worth("bernoulli_log_prob", 2)
def test_bernoulli_log_prob_broadcasts_over_samples(student, draw):
    """With logits of shape (K, B, 1, height, width) it returns (K, B): every sample's logits meet their own image."""
    for samples, batch in ((3, 5), (1, 4), (4, 4), (3, 1)):
        is_right(probability(student, draw.binary(batch, *SHAPE), draw.normal(samples, batch, *SHAPE, scale=2.0)))
    is_right(probability(student, draw.binary(4, *COLOURED), draw.normal(2, 4, *COLOURED, scale=2.0)))


@worth("bernoulli_log_prob")
def test_bernoulli_log_prob_of_all_images_sums_to_one(student, draw):
    """For any logits the probabilities of all 64 binary images of 2 × 3 pixels sum to one."""
    question = probability(student, oracles.all_images(2, 3), draw.normal(*SHAPE, scale=2.0).expand(64, *SHAPE).clone())
    got = question.is_like((64,), torch.float64)
    total = float(torch.exp(got).sum())
    if not abs(total - 1) <= EXACT:
        expected, came = "probabilities of all possible images that sum to one", f"a sum of {total:.3g}"
        raise question.wrong(expected, came, hint=question.hint(got))


@worth("bernoulli_log_prob", 2)
def test_bernoulli_log_prob_is_exact_for_extreme_logits(student, draw):
    """It is finite and exact for logits up to ±10,000, in float64 and in float32."""
    for dtype in (torch.float64, torch.float32):
        for size in (20.0, 200.0, EXTREME):
            x = draw.binary(5, *SHAPE, dtype=dtype)
            is_right(probability(student, x, size * (2 * draw.binary(5, *SHAPE, dtype=dtype) - 1)), ROUNDED)


@worth("bernoulli_log_prob", 2, Kind.GRADIENT)
def test_bernoulli_log_prob_passes_gradients(student, draw):
    """The gradient for the logits is x - σ(logits), finite also at ±10,000."""
    x = draw.binary(5, *SHAPE)
    question = probability(student, x, draw.normal(2, 5, *SHAPE))
    question.has_gradients(oracles.bernoulli_log_prob, draw, ("logits",), is_right)
    question = probability(student, x, EXTREME * (2 * draw.binary(5, *SHAPE) - 1))
    question.has_gradients(oracles.bernoulli_log_prob, draw, ("logits",), is_right, todo=ROUNDED)


@worth("bernoulli_log_prob", kind=Kind.CARE)
def test_bernoulli_log_prob_keeps_float32(student, draw):
    """Inputs in float32 give a result in float32, accurate on images of 28 × 28 pixels."""
    shape = (1, 28, 28)
    is_right(probability(student, draw.binary(3, *shape).float(), draw.normal(2, 3, *shape, scale=4.0).float()))


@worth("bernoulli_log_prob", kind=Kind.CARE)
def test_bernoulli_log_prob_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes none of its inputs and draws no random numbers."""
    probability(student, draw.binary(5, *SHAPE), draw.normal(5, *SHAPE)).is_tidy((5,), is_right)


def probability(student: Student, x: torch.Tensor, logits: torch.Tensor) -> Question:
    return ask(student, "bernoulli_log_prob", x=x, logits=logits)


def is_right(question: Question, todo: str = "") -> None:
    shape = "Sum over the last three axes (channel, height, width) and over nothing else."
    question.equals(oracles.bernoulli_log_prob, todo=todo, shape=shape)
