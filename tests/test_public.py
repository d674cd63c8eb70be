"""The small cases that everybody may know: right solutions miss none, and every exercise with one right answer has some."""

import importlib

import pytest
import torch

from autograder.kernel.remote import Student, in_process
from autograder.suite.asking import placed
from autograder.suite.cases import missed
from autograder.suite.vae.shared import installed
from tests.suites import Suite

WHERE = {
    "vae": "reparameterize gaussian_log_prob kl_standard_normal bernoulli_log_prob elbo negative_elbo train_step reconstruct",
    "priors": "mixture_log_prob planar_flow planar_log_det planar_inverse flow_prior monte_carlo_elbo",
    "iwae": "log_weights iwae_bound normalized_weights iwae_loss log_likelihood active_kl active_variance latent_traversal",
    "gaps": "ais inference_gaps gradient_norms flip_pixels",
}
# answers drawn at random have no one value, networks and trained models neither
DRAWN = {
    "vae": {"bernoulli_sample", "encoder", "decoder", "architecture", "sample"},
    "priors": {"mixture_sample"},
    "iwae": {"gradient_snr"},
    "gaps": {"local_q", "flow_posterior", "contextual_flow", "refit_encoder"},
}
PLACED = {"elbo": installed, "negative_elbo": installed}
EVERY = [(assignment, name) for assignment, names in WHERE.items() for name in names.split()]


def public(assignment):
    """Return the module of an assignment's public cases."""
    return importlib.import_module(f"autograder.suite.{assignment}.public")


def example(assignment, student, name, build=None):
    """Return a case of the exercise that the student misses, in words."""
    return missed(public(assignment).CASES[name], student, build)


def student(assignment, **changed) -> Student:
    """Return the reference solution, with other functions where some are given."""
    return in_process(Suite(assignment).solution() | changed)


@pytest.mark.parametrize(("assignment", "name"), EVERY)
def test_right_solutions_miss_no_public_case(assignment, name):
    """The reference's answers are the right values."""
    assert public(assignment).CASES[name]
    assert example(assignment, student(assignment), name, PLACED.get(name, placed)) == ""


@pytest.mark.parametrize("assignment", WHERE)
def test_every_case_belongs_to_an_exercise(assignment):
    """No case is left over."""
    assert set(public(assignment).CASES) == set(WHERE[assignment].split())


@pytest.mark.parametrize("assignment", WHERE)
def test_every_deterministic_exercise_has_a_public_case(assignment):
    """All but those that draw, build networks or train."""
    exercises = set(Suite(assignment).cells.values())
    parts = {"active_kl": "active_units", "active_variance": "active_units", "planar_log_det": "planar_flow"}
    named = {parts.get(name, name) for name in WHERE[assignment].split()}
    trained = {name for name in exercises if name.startswith("trained")}
    assert exercises - DRAWN[assignment] - trained == named


@pytest.mark.parametrize(
    ("assignment", "name", "changed", "said"),
    [
        ("vae", "train_step", {"train_step": lambda model, optimizer, x: 0.0}, "is [0.9], yours gives [1]"),
        (
            "iwae",
            "latent_traversal",
            {"latent_traversal": lambda model, x, dims, values: x + 0.5},
            "is [0.8808, 0.2689], yours gives [1.5, 0.5]",
        ),
        ("iwae", "active_kl", {"active_units": lambda *_: (1, torch.ones(1).double())}, "is [0.8089], yours gives [1]"),
        (
            "iwae",
            "active_variance",
            {"active_units": lambda *_: (1, torch.ones(1).double() * 3)},
            "is [1], yours gives [3]",
        ),
    ],
)
def test_case_that_is_missed_is_shown(assignment, name, changed, said):
    """The right value beside the student's own."""
    assert said in example(assignment, student(assignment, **changed), name, placed)


def test_both_ways_to_divide_a_variance_are_right():
    """Who divides by N - 1 is shown no wrong value."""
    other = student("iwae", active_units=lambda *_: (1, torch.ones(1).double() * 2))
    assert example("iwae", other, "active_variance", placed) == ""


def test_gradient_left_by_train_step_shows_in_the_second_call():
    """A gradient that is not cleared changes nothing in one call."""

    def train_step(model, optimizer, x):
        model.train()
        loss = model(x)
        loss.backward()
        optimizer.step()
        return loss.item()

    assert "after two calls" in example("vae", student("vae", train_step=train_step), "train_step")
