"""The statistical checks: their bounds, their power, and how often a right answer would fail."""

import math

import pytest
import torch

from autograder.judging import statistics
from autograder.judging.statistics import Finding


@pytest.fixture
def generator():
    """A seeded generator."""
    return torch.Generator().manual_seed(1)


def test_finding_is_true_up_to_its_bound():
    """A finding holds at its bound, not above it, and never for NaN."""
    assert Finding(1.0, 1.0)
    assert not Finding(1.1, 1.0)
    assert not Finding(math.nan, 1.0)


@pytest.mark.parametrize(("alpha", "z"), [(1e-4, 3.891), (1e-6, 4.892), (1e-9, 6.109)])
def test_normal_quantile(alpha, z):
    """Two-sided quantiles agree with tables."""
    assert statistics.normal_quantile(alpha) == pytest.approx(z, abs=1e-3)


@pytest.mark.parametrize(("degrees", "alpha", "q"), [(1, 0.05, 3.841), (10, 0.01, 23.209), (15, 0.001, 37.697)])
def test_chi_square_quantile(degrees, alpha, q):
    """Quantiles agree with tables, and at one degree of freedom with the square of the normal one."""
    assert statistics.chi_square_quantile(degrees, alpha) == pytest.approx(q, abs=1e-3)
    assert statistics.chi_square_quantile(1, alpha) == pytest.approx(statistics.normal_quantile(alpha) ** 2, rel=1e-6)


def test_proportions_bound_covers_the_exact_binomial():
    """The probability that a right count is refused is below alpha, by summing the binomial distribution."""
    for n, p, alpha in ((50, 0.3, 1e-3), (2000, 0.5, 1e-9), (400, 0.95, 1e-6)):
        log_p = torch.distributions.Binomial(n, torch.tensor(p, dtype=torch.float64)).log_prob(
            torch.arange(n + 1.0).double()
        )
        kept = [bool(statistics.proportions_are(torch.tensor([k]), torch.tensor([p]), n, alpha)) for k in range(n + 1)]
        assert float(torch.exp(log_p)[~torch.tensor(kept)].sum()) <= alpha


def test_proportions_see_a_difference():
    """A share that is off by seven standard errors and more is refused, and so are none and all."""
    assert statistics.proportions_are(torch.tensor([2050.0]), torch.tensor([0.5]), 4000)
    for count in (2260.0, 0.0, 4000.0):
        assert not statistics.proportions_are(torch.tensor([2000.0, count]), torch.tensor([0.5, 0.5]), 4000)


def test_distribution_of_uniform_draws(generator):
    """Uniform draws follow the uniform distribution function; their squares do not."""
    draws, points = torch.rand(4000, generator=generator), torch.linspace(0.05, 0.95, 19, dtype=torch.float64)
    for values, agrees in ((draws, True), (draws**2, False)):
        shares = (values[:, None] <= points).double().mean(0)
        assert bool(statistics.distribution_is(shares, points, 4000)) is agrees


def test_counts_need_to_be_large():
    """Counts below 20 are not judged by chi-square."""
    with pytest.raises(ValueError, match="20 are needed"):
        statistics.counts_agree(torch.tensor([5.0, 5.0]), torch.tensor([0.5, 0.5]))


def test_counts_agree_with_their_probabilities(generator):
    """Multinomial counts agree with their probabilities and not with slightly different ones."""
    p = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    counts = torch.bincount(torch.multinomial(p, 20_000, True, generator=generator), minlength=4).double()
    assert statistics.counts_agree(counts, p)
    assert not statistics.counts_agree(counts, torch.tensor([0.12, 0.2, 0.3, 0.38], dtype=torch.float64))


def test_mean_of_a_lipschitz_function(generator):
    """The bound holds for an average of |eps|, and a shift beyond it is seen."""
    n, mean = 20_000, math.sqrt(2 / math.pi)
    value = float(torch.randn(n, generator=generator).abs().mean())
    assert statistics.lipschitz_mean_is(value, mean, 1.0, n)
    assert not statistics.lipschitz_mean_is(value + 0.1, mean, 1.0, n)


def test_same_mean_counts_both_errors(generator):
    """Two averages of one distribution agree; one that is ten standard errors off does not."""
    sample, other = torch.randn(2, 10_000, generator=generator).double()
    assert statistics.same_mean(float(other.mean()), 10_000, sample)
    assert not statistics.same_mean(float(sample.mean()) + 0.1, 10_000, sample)
    assert statistics.same_mean(2.0, 10, torch.full((1000,), 2.0, dtype=torch.float64))


def test_same_shares(generator):
    """Shares of two sets of draws agree where the probabilities do."""
    first, second = torch.rand(2, 4000, 3, generator=generator)
    assert statistics.same_shares((first < 0.3).double().mean(0), (second < 0.3).double().mean(0), 4000)
    assert not statistics.same_shares((first < 0.3).double().mean(0), (second < 0.4).double().mean(0), 4000)


def test_standard_normal_points(generator):
    """Standard normal points pass; wider ones and ones whose coordinates share their noise do not."""
    points = torch.randn(4000, 2, generator=generator)
    assert statistics.standard_normal(points)
    assert statistics.standard_normal(points[:, :1])
    assert not statistics.standard_normal(1.3 * points)
    assert not statistics.standard_normal(points[:, :1].expand(-1, 2))


def test_same_distribution_of_points(generator):
    """Two samples of one distribution agree; a shifted one and a correlated one do not."""
    first, second = torch.randn(2, 4000, 2, generator=generator)
    assert statistics.same_distribution(first, second)
    assert not statistics.same_distribution(first, second + 0.3)
    assert not statistics.same_distribution(first, second[:, :1].expand(-1, 2))


def test_variances_of_normal_draws(generator):
    """The mean of sample variances agrees with that of the true ones, also where these differ, and not with another."""
    variances = torch.tensor([0.2, 1.0, 4.0], dtype=torch.float64)
    draws = variances.sqrt() * torch.randn(500, 3, generator=generator).double()
    value = float(draws.var(0).mean())
    assert statistics.variances_are(value, variances, 500)
    assert not statistics.variances_are(value, 2 * variances, 500)
    assert not statistics.variances_are(value, variances.sqrt(), 500)


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_false_alarms_stay_below_alpha(alpha, generator):
    """Over 2,000 repetitions no check refuses right draws clearly more often than alpha says."""
    repetitions, n = 2000, 200
    cuts, half = torch.linspace(0.1, 0.9, 9, dtype=torch.float64), torch.tensor([0.5])
    names = (
        "proportions",
        "distribution",
        "counts",
        "lipschitz",
        "mean",
        "shares",
        "normal points",
        "same points",
        "variances",
    )
    alarms = dict.fromkeys(names, 0)
    p = torch.full((4,), 0.25, dtype=torch.float64)
    for _ in range(repetitions):
        u, v = torch.rand(2, n, generator=generator).double()
        normal, other = torch.randn(2, n, generator=generator).double()
        alarms["proportions"] += not statistics.proportions_are((u < 0.5).sum()[None], half, n, alpha)
        alarms["distribution"] += not statistics.distribution_is((u[:, None] <= cuts).double().mean(0), cuts, n, alpha)
        alarms["counts"] += not statistics.counts_agree(torch.bincount((4 * u).long(), minlength=4).double(), p, alpha)
        alarms["lipschitz"] += not statistics.lipschitz_mean_is(float(normal.mean()), 0.0, 1.0, n, alpha)
        alarms["mean"] += not statistics.same_mean(float(normal.mean()), n, other, alpha)
        points, others = torch.randn(2, n, 2, generator=generator)
        alarms["normal points"] += not statistics.standard_normal(points, alpha)
        alarms["same points"] += not statistics.same_distribution(points, others, alpha)
        values = (u.new_tensor([0.5, 2.0]).sqrt() * points.double()).var(0)
        alarms["variances"] += not statistics.variances_are(float(values.mean()), u.new_tensor([0.5, 2.0]), n, alpha)
        alarms["shares"] += not statistics.same_shares(u.mean()[None], v.mean()[None], n, 1.0, alpha)
    limit = repetitions * alpha + 5 * math.sqrt(repetitions * alpha)  # five standard errors of the count
    assert all(count <= limit for count in alarms.values()), alarms
