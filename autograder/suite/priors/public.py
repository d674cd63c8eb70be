"""Public cases of the assignment on learnable priors."""

from collections.abc import Callable

import torch

from autograder.judging.oracles import AffineModel
from autograder.kernel.remote import Handle, Student
from autograder.suite.cases import (
    POINT,
    Case,
    X,
    bounds,
    double,
)
from autograder.suite.priors.truth import Flow, Mixture, Planar

MIXTURE = Mixture(logits=double([0.0, 1.0]), loc=double([[-1.0], [2.0]]), log_var=double([[0.0], [1.0]]))
LAYER = Planar(u=double([1.0]), w=double([2.0]), b=double(0.5))


def _sampled(toy: AffineModel, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    none = (torch.zeros(1, dtype=torch.float64),) * 2
    return toy.changed(prior=toy.prior or none).elbo(x, eps)


def _built(student: Student, name: str, options: dict, parameters: dict[str, torch.Tensor]) -> Handle:
    """Return an object of the student's with these parameters, in double precision."""
    module = student.new(name, **options)
    module.to(torch.float64)
    module.load(parameters)
    return module


def _mixture(student: Student) -> Handle:
    return _built(student, "MixturePrior", {"num_components": 2, "latent_dim": 1}, MIXTURE.parameters)


def _layer(student: Student) -> Handle:
    return _built(student, "PlanarFlow", {"latent_dim": 1}, LAYER.parameters)


def _flow(student: Student) -> Handle:
    options = {"num_flows": 1, "latent_dim": 1}
    return _built(student, "FlowPrior", options, {f"layers.0.{name}": p for name, p in LAYER.parameters.items()})


def _layer_case(label: str, words: str, ask: Callable[[Handle], object], want: torch.Tensor) -> Case:
    return Case(f"{label} of {words} with u = 1, w = 2, b = 0.5, at 1,", lambda student, _: ask(student), want)


CASES = {
    "mixture_log_prob": (
        Case(
            "prior.log_prob(z) for logits (0, 1), loc (-1, 2), log_var (0, 1), z = 1,",
            lambda student, _: _mixture(student).log_prob(POINT),
            MIXTURE.log_prob(POINT),
        ),
    ),
    "planar_flow": (_layer_case("f(v)", "a layer", lambda s: _layer(s)(POINT)[0], LAYER.move(POINT)),),
    "planar_log_det": (_layer_case("log|det|", "a layer", lambda s: _layer(s)(POINT)[1], LAYER.log_det(POINT)),),
    "planar_inverse": (_layer_case("inverse(y)", "a layer", lambda s: _layer(s).inverse(POINT), LAYER.inverse(POINT)),),
    "flow_prior": (
        _layer_case("log_prob(z)", "one layer", lambda s: _flow(s).log_prob(POINT), Flow([LAYER]).log_prob(POINT)),
    ),
    "monte_carlo_elbo": bounds(
        "monte_carlo_elbo(model, x, eps)", lambda s, model, eps: s.monte_carlo_elbo(model, X, eps), _sampled
    ),
}
