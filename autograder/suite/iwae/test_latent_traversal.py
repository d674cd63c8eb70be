"""Hidden tests of latent_traversal."""

from collections.abc import Sequence

import torch

from autograder.judging import expect, mistakes, oracles
from autograder.judging.expect import Wrong, call
from autograder.judging.mistakes import SAID
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.suite.asking import check_models_kept, check_no_gradient, fresh_chance, placed
from autograder.suite.iwae import public
from autograder.suite.iwae.shared import image


def check_traversal(
    student: Student, toy: AffineModel, x: torch.Tensor, dims: Sequence[int], values: Sequence[float]
) -> torch.Tensor:
    """Compare a traversal with the formula."""
    return expect.close(
        student.latent_traversal(placed(student, toy), x, list(dims), list(values)),
        oracles.traversal(toy, x, list(dims), list(values)),
        asked=call("latent_traversal", model=..., x=x, dims=..., values=...)
        + f", {len(dims)} dims, {len(values)} values",
        hint=lambda got: (
            mistakes.recognise("latent_traversal", got, toy, x, list(dims), list(values))
            or expect.unsteady(lambda: student.latent_traversal(placed(student, toy), x, list(dims), list(values)), got)
        ),
        todo="Start from the posterior mean for every single image.",
        example=lambda: public.example(student, "latent_traversal", placed),
        shape_todo="One row of images for every dimension, one column for every value.",
    )


@worth("latent_traversal", 3)
def test_latent_traversal_replaces_one_coordinate(student, draw):
    """Image (i, j) is decoded from the posterior mean whose coordinate dims[i] is replaced by values[j], and no
    other."""
    for dims, values, latent_dim in (([3, 1], [-2.0, 0.5, 3.0], 4), ([0], [1.5], 1), ([2, 0, 1], [-1.0, 1.0, 2.0], 3)):
        check_traversal(student, AffineModel.drawn(draw, latent_dim, (1, 28, 28)), image(draw), dims, values)


@worth("latent_traversal")
def test_latent_traversal_starts_from_the_image(student, draw):
    """Where a coordinate is replaced by what it is, the image is the same whichever coordinate that is."""
    toy, x = AffineModel.drawn(draw, 3, (1, 28, 28)), image(draw)
    mu, model = toy.encode(x)[0][0].tolist(), placed(student, toy)
    asked, got = call("latent_traversal", model=..., x=x, dims=..., values=...), []
    for dim in range(3):
        answer = student.latent_traversal(model, x, [dim], [mu[dim]])
        got.append(expect.tensor(answer, (1, 1, 1, 28, 28), x.dtype, asked=asked))
    expect.varied(got[0], asked=asked)
    if not all(expect.equal(other, got[0]) for other in got[1:]):
        hint = mistakes.recognise("latent_traversal", got[0], toy, x, [0], mu[:1])
        raise Wrong(asked, "one image where each coordinate keeps its value", "different ones", "", hint)


@worth("latent_traversal")
def test_latent_traversal_returns_probabilities_without_gradient(student, draw):
    """All values lie in [0, 1], in the dtype of x, and no gradient reaches the model."""
    for dtype in (torch.float64, torch.float32):
        toy, x = AffineModel.drawn(draw, 3, (1, 28, 28), dtype=dtype), image(draw, dtype)
        asked = call("latent_traversal", model=..., x=x, dims=..., values=...)
        answer = student.latent_traversal(placed(student, toy), x, [2, 1], [-4.0, 4.0, 0.5])
        got = expect.tensor(answer, (2, 3, 1, 28, 28), dtype, asked=asked)
        expect.varied(got, asked=asked)
        check_no_gradient(student, "latent_traversal", placed(student, toy), x, [2, 1], [-4.0, 4.0, 0.5], asked=asked)
        check_traversal(student, toy, x, [2, 1], [-4.0, 4.0, 0.5])
        if not bool(((got >= 0) & (got <= 1)).all()):
            hint = mistakes.recognise("latent_traversal", got, toy, x, [2, 1], [-4.0, 4.0, 0.5])
            raise Wrong(asked, "values in [0, 1]", "some outside", "They are probabilities.", hint)


@worth("latent_traversal")
def test_latent_traversal_writes_into_a_copy(student, draw):
    """The encoder's output stays as it was, also where that is the same tensor in every call."""
    toy, x = AffineModel.drawn(draw, 3, (1, 28, 28)), image(draw)
    encoder = student.fixed_encoder(*toy.encode(x))
    decoder = student.affine_decoder(toy.weight, toy.bias, toy.shape)
    model, asked = student.model(encoder, decoder, latent_dim=3), call("latent_traversal", model=..., x=x)
    before = encoder.state()
    first, again = (student.latent_traversal(model, x, [2, 0], [-1.0, 1.0]) for _ in range(2))
    expect.varied(first, asked=asked)
    check_traversal(student, toy, x, [2, 0], [-1.0, 1.0])
    if expect.changes(before, encoder.state()) or not expect.identical(first, again):
        raise Wrong(asked, "the posterior mean to be as it was", "another one", "", SAID["mean_changed"])


@worth("latent_traversal")
def test_latent_traversal_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither x nor the model nor any submodule's mode."""
    toy, x = AffineModel.drawn(draw, 3, (1, 28, 28)), image(draw)
    model = placed(student, toy)
    model.attribute("decoder").train()
    asked, before = call("latent_traversal", model=..., x=x, dims=..., values=...), model.state()
    chance = fresh_chance(student)
    seen = student.inspect("latent_traversal", model, x, [1, 0], [-1.0, 1.0])
    check_traversal(student, toy, x, [1, 0], [-1.0, 1.0])
    expect.silent(seen, asked=asked)
    expect.inputs_kept(seen, {"model": ..., "x": x}, asked=asked)
    todo = "The posterior mean is decoded, not a sample."
    expect.random_state_kept(chance, student.global_rng(), asked=asked, todo=todo)
    expect.state_kept(before, model.state(), asked=asked)
    check_models_kept(student, toy, lambda m: student.inspect("latent_traversal", m, x, [1, 0], [-1.0, 1.0]), asked)
