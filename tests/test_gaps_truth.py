"""The truths of the assignment on inference gaps: closed forms by integration and by simulation, toys by the numbers they stand for."""

import math

import pytest
import torch

from autograder.judging import oracles
from autograder.judging.draw import Draw
from autograder.kernel.remote import in_process
from autograder.suite.gaps.shared import linear_at
from autograder.suite.gaps.truth import LinearGaussian, below, mean_of_quadratics_is, one_dimension


@pytest.fixture
def draw():
    """Seeded inputs."""
    return Draw("gaps")


@pytest.mark.parametrize("prior", [False, True], ids=["N(0, I)", "own prior"])
@pytest.mark.parametrize(("latent_dim", "points"), [(1, 2001), (2, 401)])
def test_log_p_is_an_integral(draw, prior, latent_dim, points):
    """log p(x), at any temperature, equals the integral of p(z) p(x|z)^beta by the trapezoid rule."""
    toy = LinearGaussian.drawn(draw, latent_dim, 3, prior=prior)
    axis = torch.linspace(-14, 14, points, dtype=torch.float64)
    grid = torch.cartesian_prod(*[axis] * latent_dim).reshape(-1, 1, latent_dim)
    log_prior = oracles.gaussian_log_prob(grid, *toy.prior_normal)
    for beta in (0.3, 1.0):
        inside = log_prior + beta * toy.log_likelihood_at(grid)
        integral = torch.logsumexp(inside, 0) + latent_dim * math.log(axis[1] - axis[0])
        assert torch.allclose(toy.log_p(beta), integral, atol=1e-8)


def test_bayes_holds_at_every_point(draw):
    """log p(x, z) - log p(z|x) is log p(x) wherever it is taken."""
    toy = LinearGaussian.drawn(draw, 3, 4, prior=True)
    z = draw.normal(7, 4, 3, scale=2.0)
    assert torch.allclose(toy.log_joint(z) - toy.posterior().log_prob(z), toy.log_p().expand(7, 4), atol=1e-9)


def test_elbo_is_the_mean_of_its_samples(draw):
    """The bound agrees with the average over samples within six standard errors, which `spread` bounds, and lies below log p(x)."""
    toy = LinearGaussian.drawn(draw, 3, 4, prior=True)
    eps, count = draw.normal(100_000, 4, 3), 100_000
    z = oracles.reparameterize(toy.mu, toy.log_var, eps)
    samples = toy.log_joint(z) - oracles.gaussian_log_prob(z, toy.mu, toy.log_var)
    spread = toy.spread(toy.mu, toy.log_var)
    assert bool((samples.std(0) <= 1.02 * spread).all())
    exact = toy.elbo(toy.mu, toy.log_var)
    assert bool(((samples.mean(0) - exact).abs() <= 6 * spread / math.sqrt(count)).all())
    assert bool((exact < toy.log_p()).all())


def test_spread_is_that_of_the_likelihood_too(draw):
    """With the divergence in closed form a sample varies as log p(x|z) does."""
    toy = LinearGaussian.drawn(draw, 2, 3)
    z = oracles.reparameterize(toy.mu, toy.log_var, draw.normal(100_000, 3, 2))
    assert bool((toy.log_likelihood_at(z).std(0) <= 1.02 * toy.spread(toy.mu, toy.log_var)).all())


def test_best_gaussian_cannot_be_improved(draw):
    """At mu and log_var of the best factorised Gaussian the bound is stationary, and its gap is half of sum log Λ_ii - log det Λ."""
    toy = LinearGaussian.drawn(draw, 3, 4, prior=True)
    mu, log_var = (value.clone().requires_grad_(True) for value in toy.best)
    bound = toy.elbo(mu, log_var)
    assert all(float(g.abs().max()) < 1e-9 for g in torch.autograd.grad(bound.sum(), (mu, log_var)))
    precision = toy.posterior().precision_matrix
    diagonal = torch.diagonal(precision, dim1=-2, dim2=-1)
    assert torch.allclose(toy.log_p() - bound, (diagonal.log().sum(-1) - torch.logdet(precision)) / 2, atol=1e-9)


def test_below_is_a_distribution_function(draw):
    """The share of draws whose log p(x|z) is at or below a value comes close to what is said."""
    toy, mean, deviation = one_dimension(draw, 0.4)
    values = toy.log_likelihood_at(draw.normal(200_000, 1, 1, scale=deviation, shift=mean))[:, 0]
    cuts = -toy.offsets - torch.tensor([3.0, 1.0, 0.3, 0.05], dtype=torch.float64)
    found = (values[:, None] <= cuts).double().mean(0)
    assert torch.allclose(found, below(cuts, toy, mean, deviation), atol=0.006)


def test_means_of_quadratics_keep_their_bound(draw):
    """Right means are far inside the bound, and one that is off by eight standard errors is outside."""
    spread, truth = torch.full((50,), 2.0, dtype=torch.float64), draw.normal(50)
    chi_square = (draw.normal(100, 50) ** 2 - 1).mean(0) * 2 / math.sqrt(2)  # deviation 2 a draw
    assert mean_of_quadratics_is(truth + chi_square, truth, spread, 100, 1e-9)
    assert not mean_of_quadratics_is(truth + chi_square + 8 * 2 / math.sqrt(100 * 50), truth, spread, 100, 1e-6)


@pytest.mark.parametrize("prior", [False, True], ids=["N(0, I)", "own prior"])
def test_linear_models_in_the_kernel_are_the_same(draw, prior):
    """Encoder, decoder and prior built on the student's side give the numbers of the grader's, as a Bernoulli likelihood."""
    toy, student = LinearGaussian.drawn(draw, 2, 3, prior=prior), in_process({})
    model, z = linear_at(student, toy), draw.normal(5, 3, 2)
    for got, want in zip(model.encoder(toy.images), (toy.mu, toy.log_var), strict=True):
        assert torch.allclose(got, want, atol=1e-12)
    log_p = oracles.bernoulli_log_prob(toy.images, model.decoder(z))
    assert torch.allclose(log_p, toy.log_likelihood_at(z), atol=1e-12)
    assert torch.equal(toy.repeated(2).images[4], torch.eye(6, dtype=torch.float64).reshape(-1, 1, 1, 6)[4])


def test_scripted_prior_keeps_its_order(draw):
    """Samples are the rows of the table, one after the other and from the first again; the density is the prior's."""
    toy, student, table = LinearGaussian.drawn(draw, 2, 3, prior=True), in_process({}), draw.normal(5, 2)
    prior = linear_at(student, toy, table).attribute("prior")
    assert torch.equal(torch.cat([prior.sample(3), prior.sample(4)]), torch.cat([table, table[:2]]))
    assert torch.allclose(prior.log_prob(table), oracles.gaussian_log_prob(table, *toy.prior), atol=1e-12)
