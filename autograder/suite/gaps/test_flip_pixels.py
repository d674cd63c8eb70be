"""Hidden tests of flip_pixels."""

import itertools

import torch

from autograder.judging import expect, sentences, statistics
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.kernel.wire import Seed
from autograder.reporting.points import Kind
from autograder.suite.asking import SHAPE
from autograder.suite.gaps.shared import ask
from autograder.suite.question import Question

MANY = 6000  # images where the draw is looked at
PIXELS = 6  # of an image of SHAPE


@worth("flip_pixels", 3)
def test_flip_pixels_changes_so_many(student, draw):
    """In each image exactly num_pixels pixels differ, none to all of them, and all are 0 or 1: Hamming distances of small and of
    large images."""
    for shape, counts in ((SHAPE, range(PIXELS + 1)), ((1, 28, 28), (1, 50, 783, 784)), ((1, 1, 1), (0, 1))):
        x = draw.binary(5, *shape)
        for count in counts:
            changed(flip(student, x, count, draw.seed()))


@worth("flip_pixels", 2)
def test_flip_pixels_draws_each_set_alike(student, draw):
    """All pairs of pixels are flipped equally often, image by image (chi-square at 1e-9), and single pixels, too."""
    x = draw.binary(1, *SHAPE).expand(MANY, *SHAPE).clone()
    for count in (2, 1, 4):
        question = flip(student, x, count, draw.seed()).adding("all images alike")
        off = changed(question).flatten(1)
        sets = list(itertools.combinations(range(PIXELS), count))
        counts = torch.stack([off[:, list(one)].all(1).sum() for one in sets]).double()
        uniform = torch.full((len(sets),), 1 / len(sets), dtype=torch.float64)
        if not statistics.counts_agree(counts, uniform, statistics.ALPHA / 3):
            hint = "" if bool((counts < MANY).all()) else question.hint(question.answer())
            expected, advice = (
                "each set of pixels as often as any other",
                "A random order of all pixels has a fair start.",
            )
            raise question.wrong(
                expected, "some more often", hint=hint or question.hint(question.answer()), advice=advice
            )


@worth("flip_pixels", 2)
def test_flip_pixels_draws_for_each_image(student, draw):
    """Images that are alike get different pixels, in one call and in two."""
    x = draw.binary(1, 1, 6, 6).expand(8, 1, 6, 6).clone()
    question = flip(student, x, 9, draw.seed()).adding("all images alike")
    off = changed(question)
    if bool((off == off[:1]).all()):
        hint = question.hint(question.answer())
        raise question.wrong("other pixels in each image", "the same in all", hint=hint)
    question = flip(student, x, 9)
    if expect.identical(question.answer(), question.answer()):
        raise question.wrong("other pixels in every call", "the same twice", hint=sentences.EPS_FIXED)


@worth("flip_pixels", kind=Kind.CARE)
def test_flip_pixels_follows_its_generator(student, draw):
    """A generator makes it reproducible, another seed gives other pixels, and torch's global generator is left alone."""
    x, seed = draw.binary(4, 1, 6, 6), draw.seed()
    flip(student, x, 9, seed).follows_its_generator(seed, lambda question: question.is_like(x.shape))


@worth("flip_pixels", kind=Kind.CARE)
def test_flip_pixels_leaves_its_surroundings_alone(student, draw):
    """It leaves x as it is, prints nothing, and answers in the dtype of x."""
    for dtype in (torch.float64, torch.float32):
        x = draw.binary(4, 1, 6, 6, dtype=dtype)
        question = flip(student, x, 9, draw.seed())
        seen = question.inspected()
        question.is_like(x.shape, dtype, got=seen.value)
        question.leaves_alone(seen)
        changed(question)


@worth("flip_pixels", kind=Kind.REFUSAL)
def test_flip_pixels_refuses_other_numbers(student, draw):
    """Fewer than no pixel, and more than an image has, raise ValueError."""
    x = draw.binary(4, *SHAPE)
    changed(flip(student, x, 3, draw.seed()))
    for count in (-1, PIXELS + 1):
        flip(student, x, count).refuses("ValueError", "num_pixels is from 0 to the number of pixels.")


def flip(student: Student, x: torch.Tensor, num_pixels: int, seed: int | None = None) -> Question:
    """Return the question, with a generator where a seed is given."""
    question = ask(student, "flip_pixels", x=x, num_pixels=num_pixels)
    return question if seed is None else question.given(generator=Seed(seed))


def changed(question: Question) -> torch.Tensor:
    """Return which pixels differ, where it is num_pixels in each image, shape of x."""
    x, count = question.arguments["x"], question.arguments["num_pixels"]
    got = question.is_like(x.shape, todo="The shape of x.")
    if not bool(((got == 0) | (got == 1)).all()):
        raise question.wrong(
            "pixels that are 0 or 1", "others", hint=question.hint(got), advice="A flipped pixel is 1 - x."
        )
    off = got.to(x.dtype) != x
    if not bool((off.flatten(1).sum(1) == count).all()):
        expected, advice = f"{count} pixels that differ in each image", "Can one pixel be drawn twice?"
        raise question.wrong(
            expected, "another number", hint=question.hint(got), advice=f"{question.example()} {advice}".strip()
        )
    return off
