"""What a wrong answer keeps: from the outcomes of an exercise's hidden tests to the share of its points.

A test counts by its weight. Beyond that, what kind of thing it asks bounds what its failure costs, so that care is not paid where
the thing itself is wrong, and a slip in care does not cost the thing:

    a value or a distribution that is wrong      at least a half
    a gradient that is wrong or does not arrive  at least a quarter
    care alone (dtype, tidiness, modes, seeds)   at most a fifth
    a refusal that is missing, alone             at most a tenth

Where an exercise has two functions, each has its share of the points, by the weights of its tests, and the rule holds for each.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What a hidden test asks."""

    VALUE = "value"
    GRADIENT = "gradient"
    CARE = "care"
    REFUSAL = "refusal"


LEAST = {Kind.VALUE: 1 / 2, Kind.GRADIENT: 1 / 4}  # of a part's points, where a test of this kind fails
MOST = {Kind.CARE: 1 / 5, Kind.REFUSAL: 1 / 10}  # where tests of these kinds fail alone; both together: the sum


class Weighed(Protocol):
    """What the rule looks at of an outcome; `credit` is the share of the test that was earned, zero where it failed."""

    weight: float
    credit: float
    kind: Kind
    part: str


def earned(outcomes: Iterable[Weighed]) -> float:
    """Return the share of an exercise's points, in [0, 1], that its outcomes earn."""
    parts: dict[str, list[Weighed]] = {}
    for outcome in outcomes:
        parts.setdefault(outcome.part, []).append(outcome)
    weights = {part: sum(outcome.weight for outcome in each) for part, each in parts.items()}
    total = sum(weights.values())
    return sum(weights[part] / total * (1 - _lost(each, weights[part])) for part, each in parts.items())


def _lost(outcomes: list[Weighed], total: float) -> float:
    """Return the share of a part's points that is lost."""
    lost = sum(outcome.weight * (1 - outcome.credit) for outcome in outcomes) / total
    failed = {outcome.kind for outcome in outcomes if outcome.credit == 0}
    least = [LEAST[kind] for kind in failed if kind in LEAST]
    if least:
        return max(lost, *least)
    return min(lost, sum(MOST[kind] for kind in failed)) if failed else lost
