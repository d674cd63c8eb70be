"""Hidden tests of reconstruct."""

import torch

from autograder.judging import expect, mistakes
from autograder.judging.expect import Wrong, call
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.suite.asking import COLOURED, SHAPE, check_models_kept, check_no_gradient, fresh_chance, placed
from autograder.suite.vae import public
from autograder.suite.vae.shared import EXTREME


@worth("reconstruct", 2)
def test_reconstruct_decodes_the_posterior_mean(student, draw):
    """It returns σ(decoder(mu)), the probability of a 1 in every pixel, without any sampling."""
    for batch, latent_dim, shape in ((5, 3, SHAPE), (1, 2, SHAPE), (4, 4, (1, 3, 2)), (3, 2, COLOURED)):
        check_reconstruct(
            student, AffineModel.drawn(draw, latent_dim, shape, prior=batch == 1), draw.binary(batch, *shape)
        )


@worth("reconstruct")
def test_reconstruct_returns_probabilities_without_gradient(student, draw):
    """All values lie in [0, 1], also for logits of ±10,000 and in float32, and no gradient reaches the model."""
    for dtype in (torch.float64, torch.float32):
        toy, x = AffineModel.drawn(draw, 2, dtype=dtype), draw.binary(5, *SHAPE, dtype=dtype)
        got = check_reconstruct(student, toy.changed(bias=EXTREME * torch.sign(toy.bias)), x)
        if not bool(((got >= 0) & (got <= 1)).all()):
            raise Wrong(
                call("reconstruct", model=..., x=x), "values in [0, 1]", "some outside", "They are probabilities."
            )
        check_reconstruct(student, toy, x)
        asked = call("reconstruct", model=..., x=x)
        check_no_gradient(student, "reconstruct", placed(student, toy), x, asked=asked)


@worth("reconstruct")
def test_reconstruct_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither x nor the model nor any submodule's mode."""
    toy, x = AffineModel.drawn(draw, 2), draw.binary(5, *SHAPE)
    check_reconstruct(student, toy, x)
    model = placed(student, toy)
    model.attribute("decoder").train()
    asked, before, chance = call("reconstruct", model=..., x=x), model.state(), fresh_chance(student)
    seen = student.inspect("reconstruct", model, x)
    expect.silent(seen, asked=asked)
    expect.inputs_kept(seen, {"model": ..., "x": x}, asked=asked)
    expect.random_state_kept(
        chance, student.global_rng(), asked=asked, todo="The posterior mean is decoded, not a sample."
    )
    expect.state_kept(before, model.state(), asked=asked)
    check_models_kept(student, toy, lambda model: student.inspect("reconstruct", model, x), asked)


def check_reconstruct(student: Student, toy: AffineModel, x: torch.Tensor) -> torch.Tensor:
    return expect.close(
        student.reconstruct(placed(student, toy), x),
        torch.sigmoid(toy.decode(toy.encode(x)[0])),
        asked=call("reconstruct", model=..., x=x),
        hint=lambda got: (
            mistakes.recognise("reconstruct", got, toy, x)
            or expect.unsteady(lambda: student.reconstruct(placed(student, toy), x), got)
        ),
        todo="Encode, decode the mean, turn logits into probabilities.",
        example=lambda: public.example(student, "reconstruct", placed),
        shape_todo="One image for every image.",
    )
