"""Hidden tests of latent_traversal."""

from collections.abc import Callable

import torch

from autograder.judging import expect, oracles, sentences
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.reporting.points import Kind
from autograder.suite.asking import placed
from autograder.suite.iwae.shared import ask, image
from autograder.suite.question import Question


@worth("latent_traversal", 3)
def test_latent_traversal_replaces_one_coordinate(student, draw):
    """Image (i, j) is decoded from the posterior mean whose coordinate dims[i] is replaced by values[j], and no
    other."""
    for dims, values, latent_dim in (([3, 1], [-2.0, 0.5, 3.0], 4), ([0], [1.5], 1), ([2, 0, 1], [-1.0, 1.0, 2.0], 3)):
        toy = AffineModel.drawn(draw, latent_dim, (1, 28, 28))
        is_right(traversal(student, toy, image(draw), dims, values))


@worth("latent_traversal")
def test_latent_traversal_starts_from_the_image(student, draw):
    """Where a coordinate is replaced by what it is, the image is the same whichever coordinate that is."""
    toy, x = AffineModel.drawn(draw, 3, (1, 28, 28)), image(draw)
    mu = toy.encode(x)[0][0].tolist()
    questions = [traversal(student, toy, x, [dim], [mu[dim]]) for dim in range(3)]
    first, *others = (question.is_like((1, 1, 1, 28, 28), x.dtype) for question in questions)
    questions[0].is_varied(first)
    if not all(expect.equal(other, first) for other in others):
        expected = "one image where each coordinate keeps its value"
        raise questions[0].wrong(expected, "different ones", hint=questions[0].hint(first))


@worth("latent_traversal", kind=Kind.CARE)
def test_latent_traversal_returns_probabilities_without_gradient(student, draw):
    """All values lie in [0, 1], in the dtype of x, and no gradient reaches the model."""
    for dtype in (torch.float64, torch.float32):
        toy, x = AffineModel.drawn(draw, 3, (1, 28, 28), dtype=dtype), image(draw, dtype)
        question = traversal(student, toy, x, [2, 1], [-4.0, 4.0, 0.5])
        got = question.is_like((2, 3, 1, 28, 28), dtype)
        question.is_varied(got)
        question.leaves_no_gradient(question.placed("model"))
        is_right(question)
        if not bool(((got >= 0) & (got <= 1)).all()):
            raise question.wrong("values in [0, 1]", "some outside", "They are probabilities.", question.hint(got))


@worth("latent_traversal", kind=Kind.CARE)
def test_latent_traversal_writes_into_a_copy(student, draw):
    """The encoder's output stays as it was, also where that is the same tensor in every call."""
    toy, x = AffineModel.drawn(draw, 3, (1, 28, 28)), image(draw)

    def fixed(student: Student) -> Handle:
        encoder = student.build("FixedEncoder", *toy.encode(x))
        return student.build(
            "Model", encoder, student.build("AffineDecoder", toy.weight, toy.bias, toy.shape), latent_dim=3
        )

    question = traversal(student, toy, x, [2, 0], [-1.0, 1.0], fixed)
    encoder = question.placed("model").attribute("encoder")
    before = encoder.state()
    first, again = question.answer(), question.answer()
    question.is_varied(first)
    is_right(traversal(student, toy, x, [2, 0], [-1.0, 1.0]))
    if expect.changes(before, encoder.state()) or not expect.identical(first, again):
        raise question.wrong("the posterior mean to be as it was", "another one", hint=sentences.MEAN_CHANGED)


@worth("latent_traversal", kind=Kind.CARE)
def test_latent_traversal_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither x nor the model nor any submodule's mode."""
    toy, x = AffineModel.drawn(draw, 3, (1, 28, 28)), image(draw)
    question = traversal(student, toy, x, [1, 0], [-1.0, 1.0])
    is_right(traversal(student, toy, x, [1, 0], [-1.0, 1.0]))
    question.touches_nothing(question.placed("model"), ["decoder"], "The posterior mean is decoded, not a sample.")
    question.keeps_models()


def traversal(
    student: Student,
    toy: AffineModel,
    x: torch.Tensor,
    dims: list[int],
    values: list[float],
    build: Callable[[Student], Handle] | None = None,
) -> Question:
    """Return the question for a traversal of a toy, placed as a plain model or as `build` does it."""
    model = build or (lambda student: placed(student, toy))
    question = ask(student, "latent_traversal", model=model, x=x, dims=dims, values=values)
    question.toy = toy
    return question.adding(f"{len(dims)} dims, {len(values)} values")


def is_right(question: Question) -> None:
    x, dims, values = (question.arguments[name] for name in ("x", "dims", "values"))
    todo = "Start from the posterior mean for every single image."
    shape = "One row of images for every dimension, one column for every value."
    question.equals(oracles.traversal(question.toy, x, dims, values), todo=todo, shape=shape)
