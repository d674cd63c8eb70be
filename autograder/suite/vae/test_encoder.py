"""Hidden tests of encoder."""

import torch

from autograder.judging import expect
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, call
from autograder.judging.mistakes import SAID
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle
from autograder.suite.asking import fresh_chance
from autograder.suite.vae.shared import STILL, agree, check_trains, images, network, shake


@worth("encoder", 2)
def test_encoder_returns_mean_and_log_variance(student, draw):
    """encoder(x) returns mu and log_var, both (B, D), for one image, for as many images as dimensions, and for more."""
    for batch, latent_dim in ((1, 2), (4, 4), (3, 1), (2, 7)):
        encoder, x = network(student, "Encoder", latent_dim), images(draw, batch)
        encode(encoder, x, latent_dim)
        check_sees(encoder, x, draw, latent_dim)


@worth("encoder")
def test_encoder_treats_images_one_by_one(student, draw):
    """In evaluation mode an image's mu and log_var do not depend on the other images of the batch, nor on chance."""
    encoder, x = network(student, "Encoder", 3), images(draw, 4)
    shake(encoder, draw)
    check_sees(encoder, x, draw, 3)
    together = torch.cat(encode(encoder, x, 3), 1)
    alone = torch.cat([torch.cat(encode(encoder, x[i : i + 1], 3), 1) for i in range(4)])
    if not agree(together, alone):
        asked = call("encoder", x=x)
        raise Wrong(
            asked,
            "the same mu and log_var as for each image alone",
            "others",
            "Compare encoder(x)[0] with encoder(x[:1]).",
            SAID["rows_coupled"],
        )


@worth("encoder")
def test_encoder_sees_the_image(student, draw):
    """Different images have different means, whatever the parameters are."""
    encoder, x = network(student, "Encoder", 3), images(draw, 3)
    shake(encoder, draw)
    check_sees(encoder, x, draw, 3)


@worth("encoder")
def test_encoder_takes_values_of_both_signs(student, draw):
    """mu takes both signs and log_var goes below zero: neither is squashed or exponentiated."""
    encoder, x = network(student, "Encoder", 64), images(draw, 3)
    check_sees(encoder, x, draw, 64)
    mu, log_var = encode(encoder, x, 64)
    asked = call("encoder", x=x) + ", with other parameters"
    todo = "The last layer is linear: any real number is a mean, and any real number is the logarithm of a variance."
    if not (bool((mu > 1).any()) and bool((mu < -1).any())):
        raise Wrong(
            asked, "mu on both sides of zero and beyond ±1", "mu in a narrower range", todo, SAID["last_activation"]
        )
    if not bool((log_var < 0).any()):
        raise Wrong(asked, "some log_var below zero", "none in 3 × 64", todo, SAID["last_activation"])


@worth("encoder")
def test_encoder_passes_gradients(student, draw):
    """The gradient of mu and of log_var reaches the encoder's parameters."""
    encoder, x = network(student, "Encoder", 3), images(draw, 2)
    check_sees(encoder, x, draw, 3)
    for part, name in enumerate(("mu", "log_var")):
        check_trains(student, encoder, x, call("encoder", x=x), name, part=part, deep=name == "mu")


@worth("encoder")
def test_encoder_works_in_both_precisions_and_leaves_its_surroundings_alone(student, draw):
    """It answers float32 in float32 and float64 in float64, prints nothing, and in evaluation mode changes neither x
    nor itself."""
    for dtype in (torch.float32, torch.float64):
        encoder, x = network(student, "Encoder", 2, dtype), images(draw, 3, dtype)
        check_sees(encoder, x, draw, 2)
        asked, before, chance = call("encoder", x=x), encoder.state(), fresh_chance(student)
        seen = student.inspect((encoder, ""), x)
        expect.random_state_kept(chance, student.global_rng(), asked=asked, todo=STILL)
        expect.surroundings_kept(seen, asked=asked)
        for item in expect.pair(seen.value, asked=asked):
            expect.tensor(item, (3, 2), dtype, asked=asked)
        expect.silent(seen, asked=asked)
        expect.inputs_kept(seen, {"x": x}, asked=asked)
        expect.state_kept(before, encoder.state(), asked=asked)


def encode(encoder: Handle, x: torch.Tensor, latent_dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mu and log_var of a student's encoder, checked for kind."""
    asked = call("encoder", x=x)
    mu, log_var = expect.pair(encoder(x), asked=asked)
    shape, todo = (len(x), latent_dim), "One row for every image, one column for every latent dimension."
    return tuple(expect.tensor(item, shape, x.dtype, asked=asked, todo=todo) for item in (mu, log_var))


def check_sees(encoder: Handle, x: torch.Tensor, draw: Draw, latent_dim: int) -> None:
    """Check that mu differs between images, as made or with other parameters: one answer for all answers nothing."""
    other = torch.cat([x[:1], 1 - x[:1]])
    made, _ = encode(encoder, other, latent_dim)
    shake(encoder, draw)
    mu, _ = encode(encoder, other, latent_dim)
    if all(agree(each[:1].expand(2, -1), each) for each in (made, mu)):
        asked, todo = call("encoder", x=other), "Is x used on the way to mu?"
        raise Wrong(asked, "mu to differ between images", "one mu for all: it does not depend on the inputs", todo)
