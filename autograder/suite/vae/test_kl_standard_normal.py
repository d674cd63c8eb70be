"""Hidden tests of kl_standard_normal."""

import torch

from autograder.judging import expect, mistakes, oracles
from autograder.judging.accuracy import EXACT
from autograder.judging.expect import Wrong, call
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.suite.asking import NARROW, check_tidy
from autograder.suite.vae import public
from autograder.suite.vae.shared import SIZES, check_gradient, gaussians


@worth("kl_standard_normal", 3)
def test_kl_is_the_closed_form(student, draw):
    """It returns KL(N(mu, diag exp log_var) ‖ N(0, I)), one value for every image (Kingma and Welling 2014, appendix
    B)."""
    for batch, latent_dim in SIZES:
        mu, log_var, _ = gaussians(draw, batch, latent_dim)
        check_kl(student, mu, log_var)
    check_kl(student, draw.normal(4, 3), draw.uniform(4, 3, low=-NARROW, high=NARROW))
    for log_var in (-9.0, 9.0):
        check_kl(student, torch.zeros(1, 1, dtype=torch.float64), torch.full((1, 1), log_var, dtype=torch.float64))


@worth("kl_standard_normal")
def test_kl_is_zero_for_the_prior_and_positive_elsewhere(student, draw):
    """The divergence is zero where mu = 0 and log_var = 0, and positive on both sides of either."""
    size = draw.uniform(1, 3, low=0.5, high=2.0)
    none = torch.zeros(1, 3, dtype=torch.float64)
    mu = torch.cat([none, size, -size, none, none])
    log_var = torch.cat([none, none, none, size, -size])
    asked = call("kl_standard_normal", mu=mu, log_var=log_var)
    got = expect.tensor(student.kl_standard_normal(mu, log_var), (5,), torch.float64, asked=asked)
    hint = mistakes.recognise("kl_standard_normal", got, mu, log_var)
    if not abs(float(got[0])) <= EXACT:
        raise Wrong(
            asked,
            "zero for the image whose q(z|x) is the prior",
            "another value",
            "Put mu = 0, log_var = 0 into your formula.",
            hint,
        )
    if not bool((got[1:] > 1e-3).all()):
        raise Wrong(
            asked,
            "positive values where q(z|x) is not the prior",
            "some that are not positive",
            "Check the signs of all terms.",
            hint,
        )


@worth("kl_standard_normal", 2)
def test_kl_passes_gradients(student, draw):
    """The gradient is mu for mu and (exp log_var - 1) / 2 for log_var: it pulls q(z|x) towards the prior."""
    mu, log_var, _ = gaussians(draw, 5, 3)
    function = oracles.kl_standard_normal
    check_gradient(student, "kl_standard_normal", function, draw, check_kl, mu=mu, log_var=log_var, wrt=(0, 1))


@worth("kl_standard_normal")
def test_kl_keeps_float32(student, draw):
    """Inputs in float32 give a result in float32, with log-variances from -8 to 8."""
    check_kl(student, draw.normal(5, 3).float(), draw.uniform(5, 3, low=-8, high=8).float())


@worth("kl_standard_normal")
def test_kl_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes none of its inputs and draws no random numbers."""
    mu, log_var, _ = gaussians(draw, 5, 3)
    check_tidy(
        student,
        "kl_standard_normal",
        (5,),
        lambda: check_kl(student, mu, log_var),
        mu=mu,
        log_var=log_var,
    )


def check_kl(student: Student, mu: torch.Tensor, log_var: torch.Tensor) -> None:
    expect.close(
        student.kl_standard_normal(mu, log_var),
        oracles.kl_standard_normal(mu, log_var),
        asked=call("kl_standard_normal", mu=mu, log_var=log_var),
        hint=lambda got: mistakes.recognise("kl_standard_normal", got, mu, log_var),
        example=lambda: public.example(student, "kl_standard_normal"),
        shape_todo="Sum over the latent dimensions, the last axis, and over nothing else.",
    )
