"""Densities and samplers of learned priors: against the oracles, by integration, and against each other."""

import pytest
import torch

from autograder.judging import oracles
from autograder.judging.draw import Draw
from autograder.suite.priors import truth
from autograder.suite.priors.learned import Flow, Mixture
from autograder.suite.priors.truth import Planar

STEEP = (-30.0, -5.0, 0.0, 5.0, 30.0)  # wᵀu; below −20 a layer's derivative is 1e-9 and less at its steepest


def density(kind, dim, draw):
    """Return a density whose parameters are drawn."""
    if kind == "mixture":
        return Mixture(draw.normal(3), draw.normal(3, dim, scale=1.5), draw.normal(3, dim, scale=0.7))
    return Flow(tuple(Planar(draw.normal(dim, scale=1.5), draw.normal(dim), draw.normal()) for _ in range(4)))


@pytest.fixture
def draw():
    """Seeded inputs."""
    return Draw("densities")


@pytest.mark.parametrize(("kind", "oracle"), [("mixture", truth.Mixture), ("flow", truth.Flow)])
@pytest.mark.parametrize("dim", [1, 2, 10])
def test_log_prob_is_the_oracles(kind, oracle, dim, draw, monkeypatch):
    """One pass, or a block at a time, gives what Jacobian matrices and torch's mixture give, in any shape."""
    monkeypatch.setattr("autograder.suite.priors.learned.BLOCK", 100)
    found, z = density(kind, dim, draw), draw.normal(7, 11, dim, scale=3)
    truth = oracle(**vars(found)).log_prob(z)
    assert truth.shape == (7, 11)
    assert torch.allclose(found.log_prob(z), truth, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("along", STEEP)
def test_steep_layer_has_mass_one(along, draw):
    """The density of one layer integrates to one, however close to zero its derivative comes."""
    flow = Flow((Planar(torch.tensor([along]).double(), torch.ones(1).double(), torch.tensor(0.4).double()),))
    reach = 10 + abs(along)
    # a trapezoid rule of 1e-4 a step: the narrowest place, where the density is nearly 0, is 1e-4 wide and more
    assert oracles.integral(flow.log_prob, 1, reach, int(2 * reach / 1e-4)) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("kind", ["mixture", "flow"])
def test_density_has_mass_one_in_two_dimensions(kind, draw):
    """The densities integrate to one over the plane."""
    assert oracles.integral(density(kind, 2, draw).log_prob, 2, 25.0, 1001) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("kind", ["mixture", "flow"])
def test_samples_follow_the_density(kind, draw):
    """In one dimension the shares of samples below points are the density's integrals up to there."""
    found, n = density(kind, 1, draw), 20_000
    grid = torch.linspace(-25, 25, 20_001, dtype=torch.float64)
    cdf = torch.exp(found.log_prob(grid[:, None])).cumsum(0) * (grid[1] - grid[0])
    sample = found.sample(n, draw)
    assert sample.shape == (n, 1)
    points = grid[10_000:12_000:100]
    shares = (sample <= points).double().mean(0)
    # Dvoretzky, Kiefer, Wolfowitz: above 0.023 with probability 1e-9 (2 exp(−2 n t²)), and 0.001 for the sum
    assert (shares - cdf[10_000:12_000:100]).abs().max() < 0.024


@pytest.mark.parametrize("kind", ["mixture", "flow"])
def test_samples_follow_the_density_in_many_dimensions(kind, draw):
    """The mean of a narrow Gaussian's density over the prior's, at samples of the prior, is the Gaussian's mass, one."""
    found = density(kind, 5, draw)
    centre = found.sample(2000, draw).mean(0)
    z = found.sample(20_000, draw)
    gaussian = oracles.gaussian_log_prob(z, centre, torch.full((5,), -0.5, dtype=torch.float64))
    weight = torch.exp(gaussian - found.log_prob(z))
    error = weight.std() / 20_000**0.5
    assert error < 0.1
    assert abs(weight.mean() - 1) < 6 * error


@pytest.mark.parametrize("along", STEEP)
def test_sample_of_a_steep_layer_maps_back_to_its_noise(along):
    """A layer moves its samples to the noise they were made of."""
    flow = Flow((Planar(torch.tensor([along, 0.3]).double(), torch.tensor([1.0, 0.0]).double(), torch.tensor(0.4)),))
    noise = Draw("noise").normal(50, 2)
    assert torch.allclose(flow.to_noise(flow.sample(50, Draw("noise"))), noise, rtol=0, atol=1e-9)


def test_samples_are_drawn_alone():
    """Samples come from the draw they are given, and leave torch's global generator as it was."""
    for kind in ("mixture", "flow"):
        found, before = density(kind, 3, Draw("a")), torch.get_rng_state()
        first, again, other = (found.sample(5, Draw(name)) for name in ("a", "a", "b"))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
        assert torch.equal(before, torch.get_rng_state())
