"""Public cases of the assignment on inference suboptimality."""

import torch

from autograder.kernel.remote import Student
from autograder.suite.cases import Case, double

GAPS = tuple(map(double, ([-3.0], [-3.5], [-5.0])))


def _norm(part: str, want: float) -> Case:
    """Return the case of one norm of a model of three numbers, whose gradients are 3, 4 and 12, the last one the decoder's."""

    def ask(student, _):
        model = student.build("Parts", (double([0.0, 0.0]),), (double([0.0]),))
        gradients = {"encoder.0": double([3.0, 4.0]), "decoder.0": double([12.0])}
        model.load({}, gradients=gradients)
        got = student.gradient_norms(model)
        return double(got[part]) if isinstance(got, dict) and type(got.get(part)) is float else got

    words = f'gradient_norms(model)["{part}"] for .grad of (3, 4) in the encoder and 12 in the decoder'
    return Case(words, ask, double(want))


CASES = {
    "ais": (
        Case(
            "ais_log_likelihood(model, x, 2, (0, 1), 1, 0.1) for a model whose logits are 0, one pixel,",
            lambda student, build: student.ais_log_likelihood(
                blank(student), double([[[[1.0]]]]), 2, (0.0, 1.0), 1, 0.1
            ),
            double([0.5]).log(),
        ),
    ),
    "inference_gaps": tuple(
        Case(
            f"item {item} of inference_gaps(log_p, elbo_local, elbo_amortized) for -3, -3.5, -5",
            lambda student, _, item=item: taken(student.inference_gaps(*GAPS), item),
            double([want]),
        )
        for item, want in enumerate((0.5, 1.5, 2.0))
    ),
    "gradient_norms": (_norm("encoder", 5.0), _norm("decoder", 12.0)),
    "flip_pixels": (
        Case(
            "flip_pixels(x, 2) for one image x = (1, 0)",
            lambda student, _: student.flip_pixels(double([1.0, 0.0]).reshape(1, 1, 1, 2), 2).flatten(),
            double([0.0, 1.0]),
        ),
    ),
}


def blank(student: Student):
    """Build a model of one pixel whose logits are zero and whose q(z|x) is the prior."""
    none = torch.zeros(1, 1, dtype=torch.float64)
    encoder = student.build("AffineEncoder", none, none[0], none, none[0])
    return student.build("Model", encoder, student.build("AffineDecoder", none, none[0], (1, 1, 1)), latent_dim=1)


def taken(answer: object, item: int) -> object:
    """Return one item of a tuple, or the answer itself where there is none."""
    return answer[item] if isinstance(answer, (tuple, list)) and item < len(answer) else answer
