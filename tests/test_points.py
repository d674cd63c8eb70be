"""The rule for what a wrong answer keeps."""

from dataclasses import dataclass

import pytest

from autograder.reporting.points import Kind, earned


@dataclass
class Asked:
    """A hidden test's weight, kind and credit."""

    weight: float
    kind: Kind
    credit: float = 1.0
    part: str = ""


def an_exercise(*failed, credit=0.0):
    """Return the outcomes of an exercise of six tests, of which some failed."""
    kinds = [Kind.VALUE, Kind.VALUE, Kind.GRADIENT, Kind.CARE, Kind.CARE, Kind.REFUSAL]
    return [
        Asked(w, k, credit if i in failed else 1.0)
        for i, (w, k) in enumerate(zip((1, 3, 1, 2, 2, 1), kinds, strict=True))
    ]


@pytest.mark.parametrize(
    ("failed", "share"),
    [
        ((), 1.0),
        ((0,), 0.5),  # a value of a tenth of the weight
        ((0, 1), 0.5),
        ((0, 1, 2), 0.5),
        ((0, 1, 2, 3), 0.3),
        ((0, 1, 2, 3, 4, 5), 0.0),
        ((2,), 0.75),
        ((2, 3, 4), 0.5),
        ((3,), 0.8),
        ((3, 4), 0.8),
        ((5,), 0.9),
        ((3, 4, 5), 0.7),
    ],
)
def test_kinds_bound_what_is_lost(failed, share):
    """A value costs at least a half, a gradient at least a quarter, care at most a fifth, a refusal at most a tenth."""
    assert earned(an_exercise(*failed)) == pytest.approx(share)


def test_light_care_costs_its_weight():
    """Below the bounds a test counts by its weight."""
    assert earned([Asked(19, Kind.VALUE), Asked(1, Kind.CARE, 0.0)]) == pytest.approx(0.95)


def test_part_of_a_test_costs_that_part():
    """What a trained model earns partly is no value that is wrong."""
    assert earned(an_exercise(0, credit=0.8)) == pytest.approx(0.98)


def test_each_function_has_its_share():
    """Where an exercise has two functions, a wrong one costs at least half of its own share, and nothing of the other's."""
    outcomes = [
        Asked(6, Kind.VALUE, part="log_prob"),
        Asked(1, Kind.VALUE, 0.0, "sample"),
        Asked(3, Kind.CARE, 1.0, "sample"),
    ]
    assert earned(outcomes) == pytest.approx(0.6 + 0.4 * 0.5)
    assert earned([*outcomes[:1], *(Asked(o.weight, o.kind, 0.0, o.part) for o in outcomes[1:])]) == pytest.approx(0.6)
