"""Hidden tests of reparameterize."""

import torch

from autograder.judging import expect, mistakes, oracles
from autograder.judging.expect import call
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.suite.asking import NARROW, check_tidy
from autograder.suite.vae import public
from autograder.suite.vae.shared import SIZES, check_gradient, gaussians


@worth("reparameterize", 3)
def test_reparameterize_scales_and_shifts_the_noise(student, draw):
    """z = mu + exp(log_var / 2) · eps for every image and latent dimension (Kingma and Welling 2014, section 2.4)."""
    for batch, latent_dim in SIZES:
        mu, log_var, eps = gaussians(draw, batch, latent_dim)
        check_reparameterize(student, mu, log_var, eps)
    mu, log_var, eps = draw.normal(4, 3), draw.uniform(4, 3, low=-NARROW, high=NARROW), draw.normal(4, 3)
    check_reparameterize(student, mu, log_var, eps)
    check_reparameterize(student, 0 * mu, 0 * log_var - 9, 3 + 0 * eps)


@worth("reparameterize", 2)
def test_reparameterize_broadcasts_over_samples(student, draw):
    """With eps of shape (K, B, D) it returns K samples for every image, also where K = 1 or K = B."""
    for samples, batch, latent_dim in ((3, 5, 2), (1, 4, 3), (4, 4, 2), (3, 1, 3)):
        mu, log_var, _ = gaussians(draw, batch, latent_dim)
        check_reparameterize(student, mu, log_var, draw.normal(samples, batch, latent_dim))


@worth("reparameterize", 2)
def test_reparameterize_passes_gradients(student, draw):
    """The gradient reaches mu and log_var: this is what the reparameterisation is for."""
    mu, log_var, _ = gaussians(draw, 5, 3)
    check_gradient(
        student,
        "reparameterize",
        oracles.reparameterize,
        draw,
        check_reparameterize,
        mu=mu,
        log_var=log_var,
        eps=draw.normal(2, 5, 3),
        wrt=(0, 1),
    )


@worth("reparameterize")
def test_reparameterize_keeps_float32(student, draw):
    """Inputs in float32 give a result in float32, with log-variances from -8 to 8."""
    mu, log_var, eps = draw.normal(5, 3), draw.uniform(5, 3, low=-8, high=8), draw.normal(5, 3)
    check_reparameterize(student, mu.float(), log_var.float(), eps.float())


@worth("reparameterize")
def test_reparameterize_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes none of its inputs and draws no random numbers of its own."""
    mu, log_var, eps = gaussians(draw, 5, 3)
    check_tidy(
        student,
        "reparameterize",
        (5, 3),
        lambda: check_reparameterize(student, mu, log_var, eps),
        mu=mu,
        log_var=log_var,
        eps=eps,
    )


def check_reparameterize(student: Student, mu: torch.Tensor, log_var: torch.Tensor, eps: torch.Tensor) -> None:
    expect.close(
        student.reparameterize(mu, log_var, eps),
        oracles.reparameterize(mu, log_var, eps),
        asked=call("reparameterize", mu=mu, log_var=log_var, eps=eps),
        hint=lambda got: (
            mistakes.recognise("reparameterize", got, mu, log_var, eps)
            or expect.unsteady(lambda: student.reparameterize(mu, log_var, eps), got)
        ),
        example=lambda: public.example(student, "reparameterize"),
        shape_todo="The answer has the shape of eps.",
    )
