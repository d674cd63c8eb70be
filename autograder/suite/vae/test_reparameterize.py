"""Hidden tests of reparameterize."""

import torch

from autograder.judging import oracles
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.suite.asking import NARROW
from autograder.suite.question import Question
from autograder.suite.vae.shared import SIZES, ask, gaussians


@worth("reparameterize", 3)
def test_reparameterize_scales_and_shifts_the_noise(student, draw):
    """z = mu + exp(log_var / 2) · eps for every image and latent dimension (Kingma and Welling 2014, section 2.4)."""
    for batch, latent_dim in SIZES:
        is_right(code(student, *gaussians(draw, batch, latent_dim)))
    mu, log_var, eps = draw.normal(4, 3), draw.uniform(4, 3, low=-NARROW, high=NARROW), draw.normal(4, 3)
    is_right(code(student, mu, log_var, eps))
    is_right(code(student, 0 * mu, 0 * log_var - 9, 3 + 0 * eps))


@worth("reparameterize", 2)
def test_reparameterize_broadcasts_over_samples(student, draw):
    """With eps of shape (K, B, D) it returns K samples for every image, also where K = 1 or K = B."""
    for samples, batch, latent_dim in ((3, 5, 2), (1, 4, 3), (4, 4, 2), (3, 1, 3)):
        mu, log_var, _ = gaussians(draw, batch, latent_dim)
        is_right(code(student, mu, log_var, draw.normal(samples, batch, latent_dim)))


@worth("reparameterize", 2, Kind.GRADIENT)
def test_reparameterize_passes_gradients(student, draw):
    """The gradient reaches mu and log_var: this is what the reparameterisation is for."""
    mu, log_var, _ = gaussians(draw, 5, 3)
    question = code(student, mu, log_var, draw.normal(2, 5, 3))
    question.has_gradients(oracles.reparameterize, draw, ("mu", "log_var"), is_right)


@worth("reparameterize", kind=Kind.CARE)
def test_reparameterize_keeps_float32(student, draw):
    """Inputs in float32 give a result in float32, with log-variances from -8 to 8."""
    mu, log_var, eps = draw.normal(5, 3), draw.uniform(5, 3, low=-8, high=8), draw.normal(5, 3)
    is_right(code(student, mu.float(), log_var.float(), eps.float()))


@worth("reparameterize", kind=Kind.CARE)
def test_reparameterize_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes none of its inputs and draws no random numbers of its own."""
    code(student, *gaussians(draw, 5, 3)).is_tidy((5, 3), is_right)


def code(student: Student, mu: torch.Tensor, log_var: torch.Tensor, eps: torch.Tensor) -> Question:
    return ask(student, "reparameterize", mu=mu, log_var=log_var, eps=eps)


def is_right(question: Question) -> None:
    question.equals(oracles.reparameterize, shape="The answer has the shape of eps.")
