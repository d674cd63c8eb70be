"""Zeros of the right shape, or an input, are no answers: they earn nothing, for tidiness neither."""

import pytest
import torch

from autograder.judging.rubric import run_suite
from autograder.kernel.remote import in_process
from tests.suites import Suite, answering

FUNCTIONS = {
    "priors": {
        "MixturePrior.log_prob": "mixture_log_prob",
        "MixturePrior.sample": "mixture_sample",
        "PlanarFlow.forward": "planar_flow",
        "PlanarFlow.inverse": "planar_inverse",
        "FlowPrior.log_prob": "flow_prior",
        "monte_carlo_elbo": "monte_carlo_elbo",
    },
    "iwae": {
        name: name
        for name in (
            "log_weights",
            "iwae_bound",
            "normalized_weights",
            "iwae_loss",
            "log_likelihood",
            "active_units",
            "gradient_snr",
            "latent_traversal",
        )
    },
}


def zeros(args, right):
    """Return zeros like the right answer."""
    if isinstance(right, tuple):
        return tuple(zeros(args, part) for part in right)
    return torch.zeros_like(right) if isinstance(right, torch.Tensor) else type(right)(0)


def an_input(args, right):
    """Return the first tensor that was given, for a pair twice."""
    given = next((arg for arg in args if isinstance(arg, torch.Tensor)), None)
    return (given, given) if isinstance(right, tuple) else given


@pytest.mark.parametrize("answer", [zeros, an_input])
@pytest.mark.parametrize(("assignment", "name"), [(a, name) for a, names in FUNCTIONS.items() for name in names])
def test_idle_answers_earn_nothing(assignment, name, answer):
    """Whatever the other functions do rightly, the exercise of this one is worth no point."""
    suite = Suite(assignment)
    namespace = answering(suite.solution(), (name,), answer)
    cell = FUNCTIONS[assignment][name]
    found = run_suite(assignment, in_process(namespace), secret="secret", student_id="student", cells={cell})
    assert [o.test for o in found if o.credit and not _of_another_function(o.test, name)] == []


def _of_another_function(test, name):
    """Return whether a test of an exercise asks for its constructor, or for the other one of its two functions."""
    return "has_its_parameters" in test or (name == "FlowPrior.log_prob" and ("sample" in test or "layers" in test))
