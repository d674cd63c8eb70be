"""Hidden tests of decoder."""

import torch

from autograder.judging import sentences
from autograder.judging.draw import Draw
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.reporting.points import Kind
from autograder.suite.question import UNASKED, Question
from autograder.suite.vae.shared import STILL, agree, ask, network, shake, trains

# With random parameters a right decoder of 8 channels has all its logits on one side of zero in 0.7 % of the draws: in none of so many.
SHAKES = 6


@worth("decoder", 2)
def test_decoder_returns_one_logit_a_pixel(student, draw):
    """decoder(z) returns logits of shape (B, 1, 28, 28), for one code, for as many codes as dimensions, and for
    more."""
    for batch, latent_dim in ((1, 2), (4, 4), (3, 1), (2, 7)):
        decoder, z = network(student, "Decoder", latent_dim), draw.normal(batch, latent_dim)
        decoded(decoding(student, decoder, z))
        logits_differ(student, decoder, z, draw)


@worth("decoder", 2)
def test_decoder_decodes_every_sample(student, draw):
    """For z of shape (K, B, D) it returns what it returns for each (B, D), stacked: (K, B, 1, 28, 28)."""
    for samples, batch, latent_dim in ((3, 2, 4), (1, 2, 3), (2, 2, 2)):
        decoder, z = network(student, "Decoder", latent_dim), draw.normal(samples, batch, latent_dim)
        shake(decoder, draw)
        logits_differ(student, decoder, z[0], draw)
        question = decoding(student, decoder, z)
        together = decoded(question)
        slices = torch.stack([decoded(decoding(student, decoder, z[k])) for k in range(samples)])
        if not agree(together, slices):
            todo = "Does a reshape mix samples, images and pixels? Compare decoder(z)[0] with decoder(z[0])."
            raise question.wrong("the logits of each sample's codes", "others", todo, sentences.ROWS_COUPLED)


@worth("decoder")
def test_decoder_sees_the_code(student, draw):
    """Different codes give different logits, in evaluation mode the same ones in every call."""
    decoder, z = network(student, "Decoder", 3), draw.normal(3, 3)
    shake(decoder, draw)
    logits_differ(student, decoder, z, draw)
    question = decoding(student, decoder, z)
    logits = decoded(question)
    if not agree(logits, decoded(question)):
        expected, came = "the same logits in every call", "others in the second call"
        raise question.wrong(expected, came, "In evaluation mode nothing is random.", sentences.ROWS_COUPLED)


@worth("decoder")
def test_decoder_returns_logits_not_probabilities(student, draw):
    """Its outputs go below 0 and above 1 where the parameters ask for it: the sigmoid belongs to the likelihood."""
    decoder, z = network(student, "Decoder", 3), 3 * draw.normal(5, 3)
    question = decoding(student, decoder, z).adding("with other parameters")
    todo = "The last layer has no activation after it: any real number is a logit."
    for _ in range(SHAKES):
        shake(decoder, draw)
        logits = decoded(question)
        if bool((logits < 0).any()) and bool((logits > 0).any()) and bool((logits.abs() > 1).any()):
            return
    if bool((logits >= 0).all()) or bool((logits <= 0).all()):
        hint = sentences.SIGMOID_IN_DECODER if bool((logits.abs() <= 1).all()) else sentences.LAST_ACTIVATION
        raise question.wrong("logits on both sides of zero", "logits on one side", todo, hint)
    raise question.wrong("logits beyond ±1", "none", todo, sentences.SIGMOID_IN_DECODER)


@worth("decoder", kind=Kind.GRADIENT)
def test_decoder_passes_gradients(student, draw):
    """The gradient of the logits reaches the code and the decoder's parameters."""
    decoder, z = network(student, "Decoder", 3), draw.normal(2, 3)
    shake(decoder, draw)
    question = decoding(student, decoder, z)
    decoded(question)
    found = question.gradient(wrt=(0,), cotangent=draw.normal(2, 1, 28, 28)).inputs[0]
    if found is None or not float(found.abs().max()) > 0:
        todo = "Without it the encoder learns nothing."
        raise question.wrong("a gradient for z", "none", todo, sentences.DETACHED)
    trains(question, "the logits")


@worth("decoder", kind=Kind.CARE)
def test_decoder_works_in_both_precisions_and_leaves_its_surroundings_alone(student, draw):
    """It answers float32 in float32 and float64 in float64, prints nothing, and in evaluation mode changes neither z
    nor itself."""
    for dtype in (torch.float32, torch.float64):
        decoder, z = network(student, "Decoder", 2, dtype), draw.normal(3, 2, dtype=dtype)
        logits_differ(student, decoder, z, draw)
        question = decoding(student, decoder, z)
        decoded(question, got=question.touches_nothing(decoder, still=STILL))


def decoding(student: Student, decoder: Handle, z: torch.Tensor) -> Question:
    return ask(student, "", z=z).on(lambda student: decoder, "decoder")


def decoded(question: Question, got: object = UNASKED) -> torch.Tensor:
    """Return the logits, where they are of the right kind."""
    z, todo = question.arguments["z"], "z may have one axis more, (K, B, D): keep all axes but the last."
    return question.is_like((*z.shape[:-1], 1, 28, 28), z.dtype, got=got, todo=todo)


def logits_differ(student: Student, decoder: Handle, z: torch.Tensor, draw: Draw) -> None:
    """Demand that logits differ between codes, as made or with other parameters: one answer for all answers nothing."""
    question = decoding(student, decoder, torch.cat([z[:1], z[:1] + 2]))
    made = decoded(question)
    shake(decoder, draw)
    logits = decoded(question)
    if all(agree(each[:1].expand(2, -1, -1, -1), each) for each in (made, logits)):
        came, todo = "the same for all codes: they do not depend on the inputs", "Is z used on the way to the logits?"
        raise question.wrong("logits that differ between codes", came, todo)
