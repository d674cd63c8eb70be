"""Hidden tests of kl_standard_normal."""

import torch

from autograder.judging import oracles
from autograder.judging.accuracy import EXACT
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.suite.asking import NARROW
from autograder.suite.question import Question
from autograder.suite.vae.shared import SIZES, ask, gaussians


@worth("kl_standard_normal", 3)
def test_kl_is_the_closed_form(student, draw):
    """It returns KL(N(mu, diag exp log_var) ‖ N(0, I)), one value for every image (Kingma and Welling 2014, appendix
    B)."""
    for batch, latent_dim in SIZES:
        is_right(divergence(student, *gaussians(draw, batch, latent_dim)))
    is_right(divergence(student, draw.normal(4, 3), draw.uniform(4, 3, low=-NARROW, high=NARROW)))
    for log_var in (-9.0, 9.0):
        at = torch.full((1, 1), log_var, dtype=torch.float64)
        is_right(divergence(student, torch.zeros_like(at), at))


@worth("kl_standard_normal")
def test_kl_is_zero_for_the_prior_and_positive_elsewhere(student, draw):
    """The divergence is zero where mu = 0 and log_var = 0, and positive on both sides of either."""
    size = draw.uniform(1, 3, low=0.5, high=2.0)
    none = torch.zeros(1, 3, dtype=torch.float64)
    question = divergence(
        student, torch.cat([none, size, -size, none, none]), torch.cat([none, none, none, size, -size])
    )
    got = question.is_like((5,), torch.float64)
    if not abs(float(got[0])) <= EXACT:
        raise question.wrong(
            "zero for the image whose q(z|x) is the prior",
            "another value",
            "Put mu = 0, log_var = 0 into your formula.",
            question.hint(got),
        )
    if not bool((got[1:] > 1e-3).all()):
        raise question.wrong(
            "positive values where q(z|x) is not the prior",
            "some that are not positive",
            "Check the signs of all terms.",
            question.hint(got),
        )


@worth("kl_standard_normal", 2, Kind.GRADIENT)
def test_kl_passes_gradients(student, draw):
    """The gradient is mu for mu and (exp log_var - 1) / 2 for log_var: it pulls q(z|x) towards the prior."""
    question = divergence(student, *gaussians(draw, 5, 3))
    question.has_gradients(oracles.kl_standard_normal, draw, ("mu", "log_var"), is_right)


@worth("kl_standard_normal", kind=Kind.CARE)
def test_kl_keeps_float32(student, draw):
    """Inputs in float32 give a result in float32, with log-variances from -8 to 8."""
    is_right(divergence(student, draw.normal(5, 3).float(), draw.uniform(5, 3, low=-8, high=8).float()))


@worth("kl_standard_normal", kind=Kind.CARE)
def test_kl_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes none of its inputs and draws no random numbers."""
    divergence(student, *gaussians(draw, 5, 3)).is_tidy((5,), is_right)


def divergence(student: Student, mu: torch.Tensor, log_var: torch.Tensor, _: torch.Tensor | None = None) -> Question:
    return ask(student, "kl_standard_normal", mu=mu, log_var=log_var)


def is_right(question: Question) -> None:
    question.equals(
        oracles.kl_standard_normal, shape="Sum over the latent dimensions, the last axis, and over nothing else."
    )
