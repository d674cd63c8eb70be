"""Hidden tests of bernoulli_sample."""

import torch

from autograder.judging import expect, sentences, statistics
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.kernel.wire import Seed
from autograder.reporting.points import Kind
from autograder.suite.asking import SHAPE
from autograder.suite.question import Question
from autograder.suite.vae.shared import ENOUGH, EXTREME, ask


@worth("bernoulli_sample", 2)
def test_bernoulli_sample_returns_zeros_and_ones(student, draw):
    """It returns zeros and ones with the shape and the dtype of the logits, without gradient, also for logits of
    ±10,000."""
    for dtype, lead in ((torch.float64, (5,)), (torch.float32, (1,)), (torch.float64, (3, 2))):
        logits = draw.normal(*lead, *SHAPE, scale=2.0, dtype=dtype)
        question = sample(student, logits)
        got = question.is_like(logits.shape, dtype)
        if not bool(((got == 0) | (got == 1)).all()):
            todo = "Draw each pixel from its Bernoulli distribution."
            hint = sentences.PROBABILITIES if far_from_whole(got, 0.01) else sentences.GRADIENT_LEFT
            raise question.wrong("only zeros and ones", "other numbers", todo, hint)
    x = draw.binary(5, *SHAPE)
    question = sample(student, EXTREME * (2 * x - 1)).adding(f"all ±{EXTREME:g}")
    got = question.is_like(x.shape, torch.float64)
    if not torch.equal(got, x):
        expected, todo = "1 where the logit is 10,000 and 0 where it is -10,000", "A logit is log p / (1 - p)."
        hint = sentences.INVERTED if torch.equal(got, 1 - x) else ""
        raise question.wrong(expected, "something else", todo, hint)


@worth("bernoulli_sample", 2)
def test_bernoulli_sample_has_the_right_frequencies(student, draw):
    """Ones come with probability σ(logits) (Chernoff bound at a false-alarm rate of 1e-9)."""
    logits = draw.uniform(*SHAPE, low=0.4, high=2.0) * (2 * draw.binary(*SHAPE) - 1)
    question = sample(student, logits.expand(ENOUGH, *SHAPE).clone(), generator=Seed(draw.seed()))
    got = question.is_like((ENOUGH, *SHAPE))
    counts, p = got.double().clamp(0, 1).sum(0), torch.sigmoid(logits)
    hint = sentences.INVERTED if statistics.proportions_are(counts, 1 - p, ENOUGH) else ""
    hint = sentences.THRESHOLDED if torch.equal(counts / ENOUGH, (logits > 0).double()) else hint
    finding = statistics.proportions_are(counts, p, ENOUGH)
    question.agrees(finding, "ones with probability σ(logit) in every pixel", "other frequencies", hint=hint)


@worth("bernoulli_sample")
def test_bernoulli_sample_draws_pixels_independently(student, draw):
    """Pixels and images are drawn independently of each other (Chernoff bound at a false-alarm rate of 1e-9)."""
    logits = torch.zeros(ENOUGH, *SHAPE, dtype=torch.float64)
    question = sample(student, logits, generator=Seed(draw.seed())).adding("all zero")
    pixels = question.is_like(logits.shape).double().reshape(ENOUGH, -1)
    neighbours = (pixels == pixels.roll(1, 1)).double()  # six pixels: every pair once
    images = (pixels[0::2] == pixels[1::2]).double()  # disjoint pairs of images
    half = torch.full((pixels.shape[1],), 0.5, dtype=torch.float64)
    hint = sentences.SHARED_NOISE if expect.varies(pixels) else sentences.NOT_DRAWN
    for same, n in ((neighbours.sum(0), ENOUGH), (images.sum(0), ENOUGH // 2)):
        finding = statistics.proportions_are(same, half, n, statistics.ALPHA / 2)
        question.agrees(finding, "two pixels to be equal half of the time", "another share", hint=hint)


@worth("bernoulli_sample", 2, Kind.CARE)
def test_bernoulli_sample_follows_its_generator(student, draw):
    """A generator makes it reproducible, another seed gives another sample, and torch's global generator is left
    alone."""
    logits, seed = draw.normal(50, *SHAPE), draw.seed()
    sample(student, logits).follows_its_generator(seed, lambda question: question.is_like(logits.shape))


@worth("bernoulli_sample", kind=Kind.CARE)
def test_bernoulli_sample_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes none of its inputs, and no gradient reaches the logits."""
    logits = draw.normal(20, *SHAPE)
    question = sample(student, logits)
    seen = question.inspected()
    got = question.is_like(logits.shape, got=seen.value)
    question.is_varied(seen.value)
    if far_from_whole(got, 1e-6):
        raise question.wrong("only zeros and ones", "other numbers", hint=sentences.PROBABILITIES)
    question.leaves_alone(seen)
    found = question.gradient().inputs[0]
    if found is not None and bool(found.any()):
        raise question.wrong("a sample that carries no gradient", "one that does", hint=sentences.GRADIENT_LEFT)
    question.keeps_seed(draw)


def sample(student: Student, logits: torch.Tensor, **generator: Seed) -> Question:
    return ask(student, "bernoulli_sample", logits=logits, **generator)


def far_from_whole(got: torch.Tensor, distance: float) -> bool:
    return bool(((got - got.round()).abs() > distance).any())
