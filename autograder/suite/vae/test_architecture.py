"""Hidden tests of architecture."""

import torch

from autograder.judging import expect
from autograder.judging.rubric import worth
from autograder.suite.asking import tensors_in
from autograder.suite.vae.shared import agree, ask, images, network, shake


@worth("architecture", 1)
def test_encoder_and_decoder_exist(student, draw):
    """Encoder and decoder are there and answer with numbers that depend on what they are given."""
    for name, inputs in (
        ("Encoder", images(draw, 3, torch.float32)),
        ("Decoder", draw.normal(3, 4, dtype=torch.float32)),
    ):
        module = network(student, name, 4, torch.float32)
        shake(module, draw)
        outputs = tensors_in(student.convolutions(module, inputs).output)
        if not any(map(expect.varies, outputs)):
            question = ask(student, name.lower(), input=inputs)
            raise question.wrong("finite numbers that depend on the inputs", "none or one number for all")


@worth("architecture", 2)
def test_encoder_and_decoder_are_convolutional(student, draw):
    """Encoder and decoder both use convolutions with a kernel larger than one pixel, and their outputs depend on
    them."""
    for name, inputs in (
        ("Encoder", images(draw, 2, torch.float32)),
        ("Decoder", draw.normal(2, 4, dtype=torch.float32)),
    ):
        module = network(student, name, 4, torch.float32)
        shake(module, draw)
        watched = student.convolutions(module, inputs)
        question = ask(student, name.lower(), input=inputs)
        if not watched.kernels:
            todo = (
                "Images are grids of pixels: let weights be shared between places (transposed or upsampling "
                "convolutions alike)."
            )
            raise question.wrong("convolutions with a kernel larger than one pixel", "none", todo)
        both = zip(tensors_in(watched.output), tensors_in(watched.ablated), strict=False)
        if not any(output.shape == ablated.shape and not agree(output, ablated) for output, ablated in both):
            came = "the same outputs where these return zeros"
            raise question.wrong("outputs that depend on the convolutions", came)
