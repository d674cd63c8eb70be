"""What is particular to the marks of one assignment: parts of an exercise, models that count beside each other."""

import pytest
import torch

from autograder.judging.draw import Draw
from autograder.kernel.failures import StudentError
from autograder.kernel.remote import in_process
from autograder.kernel.wire import Seed
from autograder.reporting.report import Status
from tests.suites import BAD, GOOD, Suite, evaluation
from tests.test_suites import outcomes, share

pytestmark = pytest.mark.suite

COSTS = {  # share of the hidden test that a model's missed gate costs
    "vae": {"vae": {"low bound": 1, "low elbo": 1, "encoder unused": 1, "collapsed": 1}},
    "priors": dict.fromkeys(
        ("vae_mixture", "vae_flow"), {"low bound": 0.5, "low elbo": 0.25, "encoder unused": 0.25, "collapsed": 0}
    ),
    "iwae": dict.fromkeys(
        ("iwae_k5", "iwae_k50"), {"low bound": 0.5, "low elbo": 0.25, "encoder unused": 0.25, "collapsed": 0}
    )
    | dict.fromkeys(
        ("vae_k1", "vae_k5", "vae_k50"),
        {"low bound": 0.5 / 3, "low elbo": 0.25 / 3, "encoder unused": 0.25 / 3, "collapsed": 0},
    ),
}


TESTS = {  # of trained models; vae has one for each gate
    "vae_mixture": "test_trained_model_with_the_mixture_prior",
    "vae_flow": "test_trained_model_with_the_flow_prior",
    "iwae_k5": "test_trained_iwae_with_5_samples",
    "iwae_k50": "test_trained_iwae_with_50_samples",
} | dict.fromkeys(("vae_k1", "vae_k5", "vae_k50"), "test_trained_vaes_to_compare_with")


@pytest.mark.parametrize("how", BAD)
@pytest.mark.parametrize(("assignment", "model"), [(a, model) for a, models in COSTS.items() for model in models])
def test_gates_cost_their_share(assignment, model, how):
    """A model that misses one gate costs that gate's share of its hidden test."""
    suite = Suite(assignment)
    bad = evaluation(type(GOOD)(**(vars(GOOD) | BAD[how])))
    found = suite.outcomes(suite.solution(), evaluate=lambda name: bad if name == model else evaluation(GOOD))
    assert sum(1 - o.credit for o in found) == pytest.approx(COSTS[assignment][model][how])
    if model in TESTS:
        assert {o.test for o in found if o.status is not Status.PASSED} <= {TESTS[model]}


def test_fully_connected_networks_earn_one_point_of_three():
    """Without convolutions the architecture earns a third."""
    suite = Suite("vae")
    assert share(outcomes(suite, suite.variant("fully_connected")), "architecture") == pytest.approx(1 / 3)


@pytest.mark.parametrize("number", [54, 72, 238])
def test_narrow_decoder_is_right_whatever_is_drawn(number):
    """Of the parameters that these draws give first, a right decoder of few channels makes logits on one side of zero."""
    suite, test = Suite("vae"), "test_decoder_returns_logits_not_probabilities"
    suite.tests[test](in_process(suite.variant("upsampling")), Draw("narrow", str(number)))


@pytest.mark.parametrize("number", [2, 22, 101])
def test_thresholded_pixels_cost_their_own_exercise_whatever_is_drawn(number):
    """These draws gave all pixels logits of one sign: then the student's own bernoulli_sample gives one value for all."""
    suite, test = Suite("vae"), "test_sample_draws_pixels_from_the_logits"
    suite.tests[test](in_process(suite.solution("sample_thresholded")), Draw("thr", str(number)))


@pytest.mark.parametrize(("missing", "credit"), [("iwae_k5", 0.0), ("vae_k50", 2 / 3)])
def test_models_of_given_code_count_beside_an_iwae(missing, credit):
    """The models that given code trains earn nothing where there is no IWAE to compare them with; one that is missing costs its own
    share."""

    def trained(name):
        if name == missing:
            raise StudentError(f"{name} is not there.")
        return evaluation()

    suite = Suite("iwae")
    found = {o.test: o for o in suite.outcomes(suite.solution(), evaluate=trained)}
    assert found["test_trained_vaes_to_compare_with"].credit == pytest.approx(credit)


def test_priors_that_are_missing_cost_their_cells_only():
    """A submission without MixturePrior earns everything for the flow, and one without the flow everything for the mixture."""
    suite = Suite("priors")
    for gone, cells in (
        (("MixturePrior",), {"mixture_log_prob", "mixture_sample"}),
        (("PlanarFlow", "FlowPrior"), {"planar_flow", "planar_inverse", "flow_prior"}),
    ):
        namespace = {name: value for name, value in suite.solution().items() if name not in gone}
        assert {o.cell for o in outcomes(suite, namespace) if o.status is not Status.PASSED} == cells


def test_same_secret_draws_the_same_inputs():
    """A regrade asks the same; another secret or student asks something else."""

    def drawn(*names):
        return Draw(*names).normal(3)

    assert torch.equal(drawn("a", "b", "vae", "test"), drawn("a", "b", "vae", "test"))
    assert not torch.equal(drawn("a", "b", "vae", "test"), drawn("a", "c", "vae", "test"))
    assert Seed(Draw("a").seed()) == Seed(Draw("a").seed())
