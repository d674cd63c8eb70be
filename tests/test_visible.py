"""The visible checks of the notebooks: they fail on wrong values, whatever their mistake, and pass right solutions."""

import functools
import os
import zlib

import pytest

from autograder import catalogue
from autograder.judging import known
from autograder.publish import notebook_of
from autograder.reporting.points import Kind
from tests.stored import ROOT, stored
from tests.suites import Suite
from tests.visible import Checks, caught

pytestmark = pytest.mark.suite
# wrong values that a visible check lets pass, and why
MISSED = {
    "vae": {
        "fully_connected_decoder": "earns the points of its exercise; another one asks for convolutions",
        "pointwise_convolutions": "the same",
    },
    "priors": {},
    "iwae": {},
    "gaps": {"refit_mean_of_logs": "tells from the bound only after more steps than a check has time for"},
}
SAMPLE = (
    os.environ.get("SUITES") == "sample"
)  # of `make test`: every third mistake, and no right solution that takes minutes
LONG = ("gaps", "distributions")  # 20,000 chains one by one
# of `make suites`: one assignment, and one exercise of it
ASSIGNMENT, EXERCISE = os.environ.get("SUITES_ASSIGNMENT"), os.environ.get("SUITES_EXERCISE")
SUITES = {name: Suite(name) for name in ([ASSIGNMENT] if ASSIGNMENT else catalogue.every())}
CHECKS = functools.cache(Checks)


def values(assignment):
    """Return the wrong values of an assignment, of a family the first and the last."""
    suite = SUITES[assignment]
    return [name for name in suite.telling if suite.mistakes[name].kind is Kind.VALUE]


@pytest.mark.parametrize(
    ("assignment", "name"),
    [
        (a, n)
        for a, suite in SUITES.items()
        for n in values(a)
        if (not SAMPLE or zlib.crc32(n.encode()) % 3 == 0) and EXERCISE in (suite.mistakes[n].exercise, None, "")
    ],
)
def test_wrong_value_is_caught(assignment, name, record_property):
    """The visible check of its exercise fails on a wrong value, but for those that are named above."""
    mistake = SUITES[assignment].mistakes[name]
    files = [notebook_of(assignment), known.path_of(assignment, mistake.exercise), ROOT / "tests" / "visible.py"]
    found = stored(assignment, ["visible", name], files, lambda: caught(CHECKS(assignment), mistake))
    SUITES[assignment].note_visible(name, found, record_property)
    assert found is (name not in MISSED[assignment])


@pytest.mark.parametrize("assignment", SUITES)
def test_nine_of_ten_wrong_values_are_caught(assignment):
    """What passes is one in ten at most, and still a mistake of the assignment."""
    wrong = values(assignment)
    assert set(MISSED[assignment]) <= set(wrong)
    assert len(MISSED[assignment]) <= len(wrong) / 10


@pytest.mark.parametrize(
    ("assignment", "variant"),
    [(a, v) for a, suite in SUITES.items() for v in (None, *suite.right) if not (SAMPLE and (a, v) == LONG)],
    ids=str,
)
def test_right_solution_passes_every_check(assignment, variant):
    """The reference and the right solutions that are written differently pass, whatever is drawn."""
    suite, checks = SUITES[assignment], CHECKS(assignment)
    for seed in (0,) if SAMPLE else (0, 1):
        for exercise in [one for one in checks.of if EXERCISE in (one, None, "")]:
            failure = checks.failure(exercise, suite.variant(variant) if variant else suite.solution(), seed)
            assert failure is None, f"{exercise}: {failure}"
