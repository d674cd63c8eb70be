"""Hidden tests of bernoulli_sample."""

import torch

from autograder.judging import expect, statistics
from autograder.judging.expect import Wrong, call
from autograder.judging.mistakes import SAID
from autograder.judging.rubric import worth
from autograder.kernel.wire import Seed
from autograder.suite.asking import SHAPE, check_generator, check_seeding
from autograder.suite.vae.shared import ENOUGH, EXTREME


@worth("bernoulli_sample", 2)
def test_bernoulli_sample_returns_zeros_and_ones(student, draw):
    """It returns zeros and ones with the shape and the dtype of the logits, without gradient, also for logits of
    ±10,000."""
    for dtype, lead in ((torch.float64, (5,)), (torch.float32, (1,)), (torch.float64, (3, 2))):
        logits = draw.normal(*lead, *SHAPE, scale=2.0, dtype=dtype)
        asked = call("bernoulli_sample", logits=logits)
        got = expect.tensor(student.bernoulli_sample(logits), logits.shape, dtype, asked=asked)
        if not bool(((got == 0) | (got == 1)).all()):
            raise Wrong(
                asked,
                "only zeros and ones",
                "other numbers",
                "Draw each pixel from its Bernoulli distribution.",
                SAID["probabilities"] if bool(((got - got.round()).abs() > 0.01).any()) else SAID["gradient_left"],
            )
    x = draw.binary(5, *SHAPE)
    asked = call("bernoulli_sample", logits=x) + f", all ±{EXTREME:g}"
    got = expect.tensor(student.bernoulli_sample(EXTREME * (2 * x - 1)), x.shape, torch.float64, asked=asked)
    if not torch.equal(got, x):
        hint = SAID["inverted"] if torch.equal(got, 1 - x) else ""
        raise Wrong(
            asked,
            "1 where the logit is 10,000 and 0 where it is -10,000",
            "something else",
            "A logit is log p / (1 - p).",
            hint,
        )


@worth("bernoulli_sample", 2)
def test_bernoulli_sample_has_the_right_frequencies(student, draw):
    """Ones come with probability σ(logits) (Chernoff bound at a false-alarm rate of 1e-9)."""
    logits = draw.uniform(*SHAPE, low=0.4, high=2.0) * (2 * draw.binary(*SHAPE) - 1)
    many = logits.expand(ENOUGH, *SHAPE).clone()
    asked = call("bernoulli_sample", logits=many, generator=...)
    got = expect.tensor(student.bernoulli_sample(many, Seed(draw.seed())), many.shape, None, asked=asked)
    counts, p = got.double().clamp(0, 1).sum(0), torch.sigmoid(logits)
    hint = SAID["inverted"] if statistics.proportions_are(counts, 1 - p, ENOUGH) else ""
    hint = SAID["thresholded"] if torch.equal(counts / ENOUGH, (logits > 0).double()) else hint
    finding = statistics.proportions_are(counts, p, ENOUGH)
    expect.agrees(
        finding,
        asked=asked,
        expected="ones with probability σ(logit) in every pixel",
        got="other frequencies",
        hint=hint,
    )


@worth("bernoulli_sample")
def test_bernoulli_sample_draws_pixels_independently(student, draw):
    """Pixels and images are drawn independently of each other (Chernoff bound at a false-alarm rate of 1e-9)."""
    logits = torch.zeros(ENOUGH, *SHAPE, dtype=torch.float64)
    asked = call("bernoulli_sample", logits=logits, generator=...) + ", all zero"
    got = expect.tensor(student.bernoulli_sample(logits, Seed(draw.seed())), logits.shape, None, asked=asked).double()
    pixels = got.reshape(ENOUGH, -1)
    neighbours = (pixels == pixels.roll(1, 1)).double()  # six pixels: every pair once
    images = (pixels[0::2] == pixels[1::2]).double()  # disjoint pairs of images
    half = torch.full((pixels.shape[1],), 0.5, dtype=torch.float64)
    for same, n in ((neighbours.sum(0), ENOUGH), (images.sum(0), ENOUGH // 2)):
        finding = statistics.proportions_are(same, half, n, statistics.ALPHA / 2)
        expect.agrees(
            finding,
            asked=asked,
            expected="two pixels to be equal half of the time",
            got="another share",
            hint=SAID["shared_noise"] if expect.varies(pixels) else SAID["not_drawn"],
        )


@worth("bernoulli_sample", 2)
def test_bernoulli_sample_follows_its_generator(student, draw):
    """A generator makes it reproducible, another seed gives another sample, and torch's global generator is left
    alone."""
    logits, seed = draw.normal(50, *SHAPE), draw.seed()
    asked = call("bernoulli_sample", logits=logits, generator=...)
    check_generator(
        student, lambda generator: student.bernoulli_sample(logits, generator=generator), seed, logits.shape, asked
    )


@worth("bernoulli_sample")
def test_bernoulli_sample_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes none of its inputs, and no gradient reaches the logits."""
    logits = draw.normal(20, *SHAPE)
    asked = call("bernoulli_sample", logits=logits)
    seen = student.inspect("bernoulli_sample", logits)
    got = expect.tensor(seen.value, logits.shape, None, asked=asked)
    expect.varied(seen.value, asked=asked)
    if not bool(((got - got.round()).abs() < 1e-6).all()):
        raise Wrong(asked, "only zeros and ones", "other numbers", "", SAID["probabilities"])
    expect.silent(seen, asked=asked)
    expect.surroundings_kept(seen, asked=asked)
    expect.inputs_kept(seen, {"logits": logits}, asked=asked)
    found = student.gradient("bernoulli_sample", logits).inputs[0]
    if found is not None and bool(found.any()):
        raise Wrong(asked, "a sample that carries no gradient", "one that does", "", SAID["gradient_left"])
    check_seeding(student, lambda: student.bernoulli_sample(logits), draw, asked)
