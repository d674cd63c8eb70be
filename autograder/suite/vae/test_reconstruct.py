"""Hidden tests of reconstruct."""

import torch

from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.suite.asking import COLOURED, SHAPE, fresh_chance, placed
from autograder.suite.question import Question
from autograder.suite.vae.shared import EXTREME, ask


@worth("reconstruct", 2)
def test_reconstruct_decodes_the_posterior_mean(student, draw):
    """It returns σ(decoder(mu)), the probability of a 1 in every pixel, without any sampling."""
    for batch, latent_dim, shape in ((5, 3, SHAPE), (1, 2, SHAPE), (4, 4, (1, 3, 2)), (3, 2, COLOURED)):
        toy = AffineModel.drawn(draw, latent_dim, shape, prior=batch == 1)
        is_right(reconstruction(student, toy, draw.binary(batch, *shape)))


@worth("reconstruct", kind=Kind.CARE)
def test_reconstruct_returns_probabilities_without_gradient(student, draw):
    """All values lie in [0, 1], also for logits of ±10,000 and in float32, and no gradient reaches the model."""
    for dtype in (torch.float64, torch.float32):
        toy, x = AffineModel.drawn(draw, 2, dtype=dtype), draw.binary(5, *SHAPE, dtype=dtype)
        question = reconstruction(student, toy.changed(bias=EXTREME * torch.sign(toy.bias)), x)
        got = is_right(question)
        if not bool(((got >= 0) & (got <= 1)).all()):
            raise question.wrong("values in [0, 1]", "some outside", "They are probabilities.")
        question = reconstruction(student, toy, x)
        is_right(question)
        question.leaves_no_gradient(parameters_of=question.placed("model"))


@worth("reconstruct", kind=Kind.CARE)
def test_reconstruct_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither x nor the model nor any submodule's mode."""
    toy, x = AffineModel.drawn(draw, 2), draw.binary(5, *SHAPE)
    question = reconstruction(student, toy, x)
    is_right(question)
    model = question.placed("model")
    model.attribute("decoder").train()
    before, chance = model.state(), fresh_chance(student)
    seen = question.inspected()
    question.prints_nothing(seen)
    question.keeps_inputs(seen)
    question.draws_nothing(chance, student.global_rng(), "The posterior mean is decoded, not a sample.")
    question.keeps_state(before, model.state())
    question.keeps_models()


def reconstruction(student: Student, toy: AffineModel, x: torch.Tensor) -> Question:
    question = ask(student, "reconstruct", model=lambda student: placed(student, toy), x=x).shown_by(placed)
    question.toy = toy
    return question


def is_right(question: Question) -> torch.Tensor:
    toy, x = question.toy, question.arguments["x"]
    todo, shape = "Encode, decode the mean, turn logits into probabilities.", "One image for every image."
    return question.equals(torch.sigmoid(toy.decode(toy.encode(x)[0])), todo=todo, shape=shape)
