"""Checks of random results, each with a bound on how often a right answer would fail.

`alpha` is that false-alarm rate, over everything one call looks at. Where a finite-sample inequality exists it is used,
so the rate holds for every number of draws; the two that lean on a limit theorem (`same_mean`, `counts_agree`) say so.
Knows nothing of students.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch

ALPHA = 1e-9  # per hidden test: 100 tests x 1000 submissions give 1e-4 expected false failures


@dataclass(frozen=True)
class Finding:
    """Whether draws agree with what they should follow: they do where `statistic` is at most `bound`."""

    statistic: float
    bound: float

    def __bool__(self) -> bool:
        return self.statistic <= self.bound  # False for NaN


def normal_quantile(alpha: float = ALPHA) -> float:
    """Return z with P(|N(0, 1)| > z) = alpha.

    Example:
    >>> round(normal_quantile(1e-9), 3)
    6.109
    """
    return -NormalDist().inv_cdf(alpha / 2)


def proportions_are(counts: torch.Tensor, probabilities: torch.Tensor, n: int, alpha: float = ALPHA) -> Finding:
    """Compare each count of successes among n independent draws with its probability.

    Fails where n KL(count/n, p) > log(2m/alpha), KL between Bernoulli distributions, m counts (union bound).

    Args:
        counts: successes, shape (m,).
        probabilities: of a success, in (0, 1), shape (m,).
        n: draws behind each count.
        alpha: false-alarm rate, exact for every n.
    Source: Chernoff (1952), A measure of asymptotic efficiency for tests of a hypothesis.
    """
    share, p = counts.double().flatten() / n, probabilities.double().flatten()
    divergence = torch.xlogy(share, share / p) + torch.xlogy(1 - share, (1 - share) / (1 - p))
    return Finding(n * float(divergence.max()), math.log(2 * share.numel() / alpha))


def distribution_is(shares: torch.Tensor, cdf: torch.Tensor, n: int, alpha: float = ALPHA) -> Finding:
    """Compare an empirical distribution function with the true one at any number of points.

    P(sup |F_n - F| > t) <= 2 exp(-2 n t^2), so t = sqrt(log(2/alpha) / (2n)).

    Args:
        shares: F_n, share of n independent draws at or below each point, shape (m,).
        cdf: F at the same points, shape (m,).
        n: draws.
        alpha: false-alarm rate, exact for every n.
    Source: Massart (1990), The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality.
    """
    return Finding(float((shares.double() - cdf).abs().max()), math.sqrt(math.log(2 / alpha) / (2 * n)))


def counts_agree(counts: torch.Tensor, probabilities: torch.Tensor, alpha: float = ALPHA) -> Finding:
    """Compare counts of categories with their probabilities by Pearson's chi-square.

    Rests on the limit of large counts: every expected count must be 20 or more.

    Args:
        counts: draws in each category, shape (m,).
        probabilities: of the categories, summing to one, shape (m,).
        alpha: false-alarm rate.
    Raises:
        ValueError: an expected count is below 20.
    Source: Pearson (1900), On the criterion that a given system of deviations from the probable.
    """
    expected = probabilities.double() * counts.sum()
    if float(expected.min()) < 20:
        raise ValueError(f"counts_agree: the smallest expected count is {float(expected.min()):.1f}; 20 are needed")
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return Finding(statistic, chi_square_quantile(counts.numel() - 1, alpha))


def chi_square_quantile(degrees: int, alpha: float = ALPHA) -> float:
    """Return q with P(chi-square with `degrees` degrees of freedom > q) = alpha, by bisection.

    Example:
    >>> round(chi_square_quantile(3, 0.05), 3)
    7.815
    """
    low, high = 0.0, 20.0 * degrees + 20 * math.log(1 / alpha)
    half = torch.tensor(degrees / 2, dtype=torch.float64)
    for _ in range(200):
        middle = (low + high) / 2
        above = float(torch.special.gammaincc(half, torch.tensor(middle / 2, dtype=torch.float64)))
        low, high = (middle, high) if above > alpha else (low, middle)
    return high


def lipschitz_mean_is(value: float, mean: float, lipschitz: float, n: int, alpha: float = ALPHA) -> Finding:
    """Compare the average of f over n independent standard normal vectors with E f, for an L-Lipschitz f.

    P(|average - E f| > t) <= 2 exp(-n t^2 / (2 L^2)), so t = L sqrt(2 log(2/alpha) / n).

    Args:
        value: the average.
        mean: E f.
        lipschitz: L, a bound on the norm of the gradient of f.
        n: vectors in the average.
        alpha: false-alarm rate, exact for every n.
    Source: Boucheron, Lugosi, Massart (2013), Concentration inequalities, theorem 5.6.
    """
    return Finding(abs(value - mean), lipschitz * math.sqrt(2 * math.log(2 / alpha) / n))


def same_mean(value: float, n: int, sample: torch.Tensor, alpha: float = ALPHA) -> Finding:
    """Compare an average of n draws with the mean of a sample of the same distribution.

    z = |value - mean| / (s sqrt(1/n + 1/m)), s estimated from the sample; rests on the central limit theorem (m >=
    1000, light tails).

    Args:
        value: average of n draws.
        n: draws behind the average.
        sample: m other draws, shape (m,).
        alpha: false-alarm rate.
    """
    spread = float(sample.std()) * math.sqrt(1 / n + 1 / sample.numel())
    rounding = 1e-9 * (1 + abs(value))  # a sample without spread is compared up to rounding
    return Finding(abs(value - float(sample.mean())), normal_quantile(alpha) * spread + rounding)


def same_shares(first: torch.Tensor, second: torch.Tensor, n: int, span: float = 1.0, alpha: float = ALPHA) -> Finding:
    """Compare averages of two independent sets of n bounded draws each.

    P(|difference| > t) <= 2 exp(-n t^2 / span^2), so t = span sqrt(log(2m/alpha) / n), m averages (union bound).

    Args:
        first: averages of n draws, shape (m,).
        second: averages of n other draws, shape (m,).
        n: draws behind each average.
        span: largest minus smallest possible draw.
        alpha: false-alarm rate, exact for every n.
    Source: Hoeffding (1963), Probability inequalities for sums of bounded random variables, theorem 2.
    """
    difference = (first.double() - second.double()).abs().flatten()
    return Finding(float(difference.max()), span * math.sqrt(math.log(2 * difference.numel() / alpha) / n))


def projections(points: torch.Tensor) -> torch.Tensor:
    """Return the coordinates of points (n, D), and the sums and differences of neighbouring ones over sqrt(2): (n, 3D -
    2), each of them standard normal where the points are."""
    left, right = points[:, :-1].double(), points[:, 1:].double()
    return torch.cat([points.double(), (left + right) / math.sqrt(2), (left - right) / math.sqrt(2)], 1)


def standard_normal(points: torch.Tensor, alpha: float = ALPHA) -> Finding:
    """Compare the projections of n independent points with N(0, 1), by `distribution_is` with alpha shared among them.

    Args:
        points: shape (n, D).
        alpha: false-alarm rate, exact for every n.
    """
    cuts, lines = torch.linspace(-3, 3, 61, dtype=torch.float64), projections(points).T
    cdf = torch.special.ndtr(cuts)
    each = [
        distribution_is((line[:, None] <= cuts).double().mean(0), cdf, len(points), alpha / len(lines))
        for line in lines
    ]
    return max(each, key=lambda finding: finding.statistic)


def same_distribution(first: torch.Tensor, second: torch.Tensor, alpha: float = ALPHA) -> Finding:
    """Compare the projections of two independent samples of n points each, by the shares below 33 cuts from -4 to 4.

    Args:
        first, second: shape (n, D).
        alpha: false-alarm rate, exact for every n.
    """
    cuts = torch.linspace(-4, 4, 33, dtype=torch.float64)
    one, other = ((projections(points)[..., None] <= cuts).double().mean(0) for points in (first, second))
    return same_shares(one, other, len(first), alpha=alpha)


def variances_are(value: float, variances: torch.Tensor, runs: int, alpha: float = ALPHA) -> Finding:
    """Compare the mean of m sample variances of `runs` normal draws each, all independent, with its expectation.

    The mean is a sum of a_i (chi²_i - 1) around its expectation, runs - 1 terms with a_i = variance_i / (m (runs - 1))
    for each i: P(|sum| > 2 |a|_2 sqrt(t) + 2 |a|_inf t) <= 2 exp(-t).

    Args:
        value: the mean of the sample variances (divided by runs - 1).
        variances: of the draws, shape (m,).
        runs: draws behind each sample variance.
        alpha: false-alarm rate, exact for every m and every number of runs.
    Source: Laurent and Massart (2000), Adaptive estimation of a quadratic functional by model selection, lemma 1.
    """
    weights, t = variances.double() / (variances.numel() * (runs - 1)), math.log(2 / alpha)
    bound = 2 * float(weights.norm()) * math.sqrt((runs - 1) * t) + 2 * float(weights.max()) * t
    return Finding(abs(value - float(variances.double().mean())), bound)
