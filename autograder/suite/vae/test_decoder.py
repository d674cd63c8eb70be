"""Hidden tests of decoder."""

import torch

from autograder.judging import expect
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, call
from autograder.judging.mistakes import SAID
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle
from autograder.suite.asking import fresh_chance
from autograder.suite.vae.shared import STILL, agree, check_trains, network, shake

# With random parameters a right decoder of 8 channels has all its logits on one side of zero in 0.7 % of the draws: in none of so many.
SHAKES = 6


@worth("decoder", 2)
def test_decoder_returns_one_logit_a_pixel(student, draw):
    """decoder(z) returns logits of shape (B, 1, 28, 28), for one code, for as many codes as dimensions, and for
    more."""
    for batch, latent_dim in ((1, 2), (4, 4), (3, 1), (2, 7)):
        decoder, z = network(student, "Decoder", latent_dim), draw.normal(batch, latent_dim)
        decode(decoder, z)
        check_hears(decoder, z, draw)


@worth("decoder", 2)
def test_decoder_decodes_every_sample(student, draw):
    """For z of shape (K, B, D) it returns what it returns for each (B, D), stacked: (K, B, 1, 28, 28)."""
    for samples, batch, latent_dim in ((3, 2, 4), (1, 2, 3), (2, 2, 2)):
        decoder, z = network(student, "Decoder", latent_dim), draw.normal(samples, batch, latent_dim)
        shake(decoder, draw)
        check_hears(decoder, z[0], draw)
        together = decode(decoder, z)
        slices = torch.stack([decode(decoder, z[k]) for k in range(samples)])
        if not agree(together, slices):
            todo = "Does a reshape mix samples, images and pixels? Compare decoder(z)[0] with decoder(z[0])."
            raise Wrong(call("decoder", z=z), "the logits of each sample's codes", "others", todo, SAID["rows_coupled"])


@worth("decoder")
def test_decoder_sees_the_code(student, draw):
    """Different codes give different logits, in evaluation mode the same ones in every call."""
    decoder, z = network(student, "Decoder", 3), draw.normal(3, 3)
    shake(decoder, draw)
    check_hears(decoder, z, draw)
    logits = decode(decoder, z)
    asked = call("decoder", z=z)
    if not agree(logits, decode(decoder, z)):
        raise Wrong(
            asked,
            "the same logits in every call",
            "others in the second call",
            "In evaluation mode nothing is random.",
            SAID["rows_coupled"],
        )


@worth("decoder")
def test_decoder_returns_logits_not_probabilities(student, draw):
    """Its outputs go below 0 and above 1 where the parameters ask for it: the sigmoid belongs to the likelihood."""
    decoder, z = network(student, "Decoder", 3), 3 * draw.normal(5, 3)
    asked = call("decoder", z=z) + ", with other parameters"
    todo = "The last layer has no activation after it: any real number is a logit."
    for _ in range(SHAKES):
        shake(decoder, draw)
        logits = decode(decoder, z)
        if bool((logits < 0).any()) and bool((logits > 0).any()) and bool((logits.abs() > 1).any()):
            return
    if bool((logits >= 0).all()) or bool((logits <= 0).all()):
        hint = SAID["sigmoid_in_decoder"] if bool((logits.abs() <= 1).all()) else SAID["last_activation"]
        raise Wrong(asked, "logits on both sides of zero", "logits on one side", todo, hint)
    raise Wrong(asked, "logits beyond ±1", "none", todo, SAID["sigmoid_in_decoder"])


@worth("decoder")
def test_decoder_passes_gradients(student, draw):
    """The gradient of the logits reaches the code and the decoder's parameters."""
    decoder, z = network(student, "Decoder", 3), draw.normal(2, 3)
    shake(decoder, draw)
    asked = call("decoder", z=z)
    decode(decoder, z)
    cotangent = draw.normal(2, 1, 28, 28)
    found = student.gradient((decoder, ""), z, wrt=(0,), cotangent=cotangent).inputs[0]
    if found is None or not float(found.abs().max()) > 0:
        raise Wrong(asked, "a gradient for z", "none", "Without it the encoder learns nothing.", SAID["detached"])
    check_trains(student, decoder, z, asked, "the logits")


@worth("decoder")
def test_decoder_works_in_both_precisions_and_leaves_its_surroundings_alone(student, draw):
    """It answers float32 in float32 and float64 in float64, prints nothing, and in evaluation mode changes neither z
    nor itself."""
    for dtype in (torch.float32, torch.float64):
        decoder, z = network(student, "Decoder", 2, dtype), draw.normal(3, 2, dtype=dtype)
        check_hears(decoder, z, draw)
        asked, before, chance = call("decoder", z=z), decoder.state(), fresh_chance(student)
        seen = student.inspect((decoder, ""), z)
        expect.random_state_kept(chance, student.global_rng(), asked=asked, todo=STILL)
        expect.surroundings_kept(seen, asked=asked)
        expect.tensor(seen.value, (3, 1, 28, 28), dtype, asked=asked)
        expect.silent(seen, asked=asked)
        expect.inputs_kept(seen, {"z": z}, asked=asked)
        expect.state_kept(before, decoder.state(), asked=asked)


def decode(decoder: Handle, z: torch.Tensor) -> torch.Tensor:
    """Return the logits of a student's decoder, checked for kind."""
    todo = "z may have one axis more, (K, B, D): keep all axes but the last."
    return expect.tensor(decoder(z), (*z.shape[:-1], 1, 28, 28), z.dtype, asked=call("decoder", z=z), todo=todo)


def check_hears(decoder: Handle, z: torch.Tensor, draw: Draw) -> None:
    """Check that logits differ between codes, as made or with other parameters: one answer for all answers nothing."""
    other = torch.cat([z[:1], z[:1] + 2])
    made = decode(decoder, other)
    shake(decoder, draw)
    logits = decode(decoder, other)
    if all(agree(each[:1].expand(2, -1, -1, -1), each) for each in (made, logits)):
        asked, todo = call("decoder", z=other), "Is z used on the way to the logits?"
        came = "the same for all codes: they do not depend on the inputs"
        raise Wrong(asked, "logits that differ between codes", came, todo)
