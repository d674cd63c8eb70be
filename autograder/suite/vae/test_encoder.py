"""Hidden tests of encoder."""

import torch

from autograder.judging import sentences
from autograder.judging.draw import Draw
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.reporting.points import Kind
from autograder.suite.question import UNASKED, Question
from autograder.suite.vae.shared import STILL, agree, ask, images, network, shake, trains


@worth("encoder", 2)
def test_encoder_returns_mean_and_log_variance(student, draw):
    """encoder(x) returns mu and log_var, both (B, D), for one image, for as many images as dimensions, and for more."""
    for batch, latent_dim in ((1, 2), (4, 4), (3, 1), (2, 7)):
        encoder, x = network(student, "Encoder", latent_dim), images(draw, batch)
        encoded(encoding(student, encoder, x), latent_dim)
        means_differ(student, encoder, x, draw, latent_dim)


@worth("encoder")
def test_encoder_treats_images_one_by_one(student, draw):
    """In evaluation mode an image's mu and log_var do not depend on the other images of the batch, nor on chance."""
    encoder, x = network(student, "Encoder", 3), images(draw, 4)
    shake(encoder, draw)
    means_differ(student, encoder, x, draw, 3)
    question = encoding(student, encoder, x)
    together = torch.cat(encoded(question, 3), 1)
    alone = torch.cat([torch.cat(encoded(encoding(student, encoder, x[i : i + 1]), 3), 1) for i in range(4)])
    if not agree(together, alone):
        expected, todo = "the same mu and log_var as for each image alone", "Compare encoder(x)[0] with encoder(x[:1])."
        raise question.wrong(expected, "others", todo, sentences.ROWS_COUPLED)


@worth("encoder")
def test_encoder_sees_the_image(student, draw):
    """Different images have different means, whatever the parameters are."""
    encoder, x = network(student, "Encoder", 3), images(draw, 3)
    shake(encoder, draw)
    means_differ(student, encoder, x, draw, 3)


@worth("encoder")
def test_encoder_takes_values_of_both_signs(student, draw):
    """mu takes both signs and log_var goes below zero: neither is squashed or exponentiated."""
    encoder, x = network(student, "Encoder", 64), images(draw, 3)
    means_differ(student, encoder, x, draw, 64)
    question = encoding(student, encoder, x).adding("with other parameters")
    mu, log_var = encoded(question, 64)
    todo = "The last layer is linear: any real number is a mean, and any real number is the logarithm of a variance."
    if not (bool((mu > 1).any()) and bool((mu < -1).any())):
        expected, came = "mu on both sides of zero and beyond ±1", "mu in a narrower range"
        raise question.wrong(expected, came, todo, sentences.LAST_ACTIVATION)
    if not bool((log_var < 0).any()):
        raise question.wrong("some log_var below zero", "none in 3 × 64", todo, sentences.LAST_ACTIVATION)


@worth("encoder", kind=Kind.GRADIENT)
def test_encoder_passes_gradients(student, draw):
    """The gradient of mu and of log_var reaches the encoder's parameters."""
    encoder, x = network(student, "Encoder", 3), images(draw, 2)
    means_differ(student, encoder, x, draw, 3)
    for part, name in enumerate(("mu", "log_var")):
        trains(encoding(student, encoder, x), name, part=part, deep=name == "mu")


@worth("encoder", kind=Kind.CARE)
def test_encoder_works_in_both_precisions_and_leaves_its_surroundings_alone(student, draw):
    """It answers float32 in float32 and float64 in float64, prints nothing, and in evaluation mode changes neither x
    nor itself."""
    for dtype in (torch.float32, torch.float64):
        encoder, x = network(student, "Encoder", 2, dtype), images(draw, 3, dtype)
        means_differ(student, encoder, x, draw, 2)
        question = encoding(student, encoder, x)
        encoded(question, 2, got=question.touches_nothing(encoder, still=STILL))


def encoding(student: Student, encoder: Handle, x: torch.Tensor) -> Question:
    return ask(student, "", x=x).on(lambda student: encoder, "encoder")


def encoded(question: Question, latent_dim: int, got: object = UNASKED) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mu and log_var, where they are of the right kind."""
    x, todo = question.arguments["x"], "One row for every image, one column for every latent dimension."
    mu, log_var = question.is_pair(question.answer() if got is UNASKED else got)
    return tuple(question.is_like((len(x), latent_dim), x.dtype, got=item, todo=todo) for item in (mu, log_var))


def means_differ(student: Student, encoder: Handle, x: torch.Tensor, draw: Draw, latent_dim: int) -> None:
    """Demand that mu differs between images, as made or with other parameters: one answer for all answers nothing."""
    question = encoding(student, encoder, torch.cat([x[:1], 1 - x[:1]]))
    made, _ = encoded(question, latent_dim)
    shake(encoder, draw)
    mu, _ = encoded(question, latent_dim)
    if all(agree(each[:1].expand(2, -1), each) for each in (made, mu)):
        came, todo = "one mu for all: it does not depend on the inputs", "Is x used on the way to mu?"
        raise question.wrong("mu to differ between images", came, todo)
