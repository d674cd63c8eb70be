"""Hidden tests of gaussian_log_prob."""

import torch

from autograder.judging import oracles
from autograder.judging.accuracy import EXACT
from autograder.judging.expect import underflown
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.suite.asking import NARROW
from autograder.suite.question import Question
from autograder.suite.vae.shared import SIZES, ask, gaussians


@worth("gaussian_log_prob", 3)
def test_gaussian_log_prob_is_the_log_density(student, draw):
    """It returns log N(z; mu, diag exp log_var), summed over the latent dimensions, one value for every image."""
    for batch, latent_dim in SIZES:
        mu, log_var, eps = gaussians(draw, batch, latent_dim)
        is_right(density(student, mu + 1.5 * eps, mu, log_var))
    mu, log_var, eps = draw.normal(4, 3), draw.uniform(4, 3, low=-NARROW, high=NARROW), draw.normal(4, 3)
    for distance in (1.0, 60.0):  # sixty standard deviations away the density rounds to zero, its logarithm does not
        is_right(density(student, oracles.reparameterize(mu, log_var, distance * eps), mu, log_var))
    narrow = torch.full((1, 1), -9.0, dtype=torch.float64)
    is_right(density(student, 0.01 + 0 * narrow, 0 * narrow, narrow))


@worth("gaussian_log_prob", 2)
def test_gaussian_log_prob_broadcasts_over_samples(student, draw):
    """With z of shape (K, B, D) it returns (K, B), also where K = 1 or K = B."""
    for samples, batch, latent_dim in ((3, 5, 2), (1, 4, 3), (4, 4, 2)):
        mu, log_var, _ = gaussians(draw, batch, latent_dim)
        is_right(density(student, draw.normal(samples, batch, latent_dim), mu, log_var))


@worth("gaussian_log_prob")
def test_gaussian_log_prob_integrates_to_one(student, draw):
    """The density integrates to one in one latent dimension: nothing constant may be left out."""
    mu, log_var = draw.normal(1, 1), draw.uniform(1, 1, low=-1.5, high=1.5)
    reach = 12 * torch.exp(log_var / 2)
    z = mu + reach * torch.linspace(-1, 1, 601, dtype=torch.float64)[:, None, None]  # (points, 1, 1)
    question = density(student, z, mu, log_var)
    got = question.is_like((601, 1), torch.float64)
    mass = torch.exp(got).sum() * reach.squeeze() / 300
    if not abs(float(mass) - 1) <= EXACT:
        expected, came = "a density that integrates to one over z", f"one that integrates to {float(mass):.3g}"
        raise question.wrong(expected, came, hint=question.hint(got))


@worth("gaussian_log_prob", kind=Kind.GRADIENT)
def test_gaussian_log_prob_passes_gradients(student, draw):
    """The gradient reaches z, mu and log_var."""
    mu, log_var, _ = gaussians(draw, 5, 3)
    question = density(student, draw.normal(2, 5, 3), mu, log_var)
    question.has_gradients(oracles.gaussian_log_prob, draw, ("z", "mu", "log_var"), is_right)


@worth("gaussian_log_prob", kind=Kind.CARE)
def test_gaussian_log_prob_keeps_float32(student, draw):
    """Inputs in float32 give a result in float32, with log-variances from -8 to 8."""
    mu, log_var, eps = draw.normal(5, 3), draw.uniform(5, 3, low=-8, high=8), draw.normal(5, 3)
    z = oracles.reparameterize(mu, log_var, eps)
    is_right(density(student, z.float(), mu.float(), log_var.float()))


@worth("gaussian_log_prob", kind=Kind.CARE)
def test_gaussian_log_prob_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes none of its inputs and draws no random numbers."""
    mu, log_var, eps = gaussians(draw, 5, 3)
    density(student, mu + eps, mu, log_var).is_tidy((5,), is_right)


def density(student: Student, z: torch.Tensor, mu: torch.Tensor, log_var: torch.Tensor) -> Question:
    return ask(student, "gaussian_log_prob", z=z, mu=mu, log_var=log_var).looking(underflown)


def is_right(question: Question) -> None:
    question.equals(
        oracles.gaussian_log_prob, shape="Sum over the latent dimensions, the last axis, and over nothing else."
    )
