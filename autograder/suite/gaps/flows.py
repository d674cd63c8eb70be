"""Questions to a posterior of planar layers, which flow_posterior and contextual_flow ask."""

from collections.abc import Callable, Mapping, Sequence

import torch

from autograder.judging import expect, known, oracles
from autograder.judging.draw import Draw
from autograder.kernel.remote import Handle, Student
from autograder.suite.asking import fresh_chance, moved
from autograder.suite.gaps.shared import ask, by_jacobian, item, items
from autograder.suite.priors.truth import Flow
from autograder.suite.question import Question

EXPECTED = "two tensors, (z, log q(z|x))"
SHAPES = ("z has the shape of eps.", "There is one log q for every code.")
Given = Mapping[str, torch.Tensor]


def inputs(
    draw: Draw, batch: int, latent_dim: int, samples: Sequence[int] = (), scale: float = 1.0
) -> dict[str, torch.Tensor]:
    """Return mu and log_var (B, D), and eps (B, D) or (K, B, D)."""
    return {
        "mu": draw.normal(batch, latent_dim),
        "log_var": draw.uniform(batch, latent_dim, low=-1.5, high=0.8),
        "eps": draw.normal(*samples, batch, latent_dim, scale=scale),
    }


def posterior(
    student: Student, exercise: str, build: Callable[[Student], Handle], given: Given, place: int | None = None
) -> Question:
    """Return the question for z and log q of a posterior that `build` makes, or for the first (0) or the second (1) of them."""
    question = ask(student, "", **given).on(build, "posterior").of_exercise(exercise)
    return (
        question if place is None else question.taking(item(place)).adding(f"its {('first', 'second')[place]} result")
    )


def truth(flow: Flow, mu: torch.Tensor, log_var: torch.Tensor, eps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return codes and their log-density: the Gaussian's, less log|det| of each layer by its Jacobian matrix."""
    z = oracles.reparameterize(mu, log_var, eps)
    log_q = oracles.gaussian_log_prob(z, mu, log_var)
    for layer in flow.layers:
        log_q = log_q - layer.log_det(z)
        z = layer.move(z)
    return z, log_q


def answered(question: Question) -> tuple[torch.Tensor, torch.Tensor]:
    """Return z and log q of a question for both, checked for kind."""
    eps = question.arguments["eps"]
    got = items(question, question.whole(question.student), EXPECTED, 2)
    z = question.is_like(eps.shape, eps.dtype, got=got[0], todo=SHAPES[0])
    log_q = question.is_like(eps.shape[:-1], eps.dtype, got=got[1], todo=SHAPES[1])
    question.is_varied(z)
    return z, log_q


def joined(pair: object) -> torch.Tensor | None:
    """Return two tensors as one, or None where they are none."""
    both = [item(place)(pair) for place in (0, 1)]
    flat = [one.detach().flatten() for one in both if isinstance(one, torch.Tensor) and one.is_floating_point()]
    return torch.cat(flat) if len(flat) == 2 else None


def hint(question: Question) -> str:
    """Return the known mistake that answers both alike: one alone may be several mistakes'."""
    whole = question.whole(question.student)
    return known.recognise(question.exercise, joined(whole), lambda other: joined(question.whole(other)))


def has_density(question: Question) -> None:
    """Demand log q to be the density of the codes, by the Jacobian matrix of the student's own map from noise to codes."""
    z, log_q = answered(question)
    names = list(question.arguments)
    target = (question.owner(), "")
    want = by_jacobian(question.student, target, list(question.arguments.values()), names.index("eps"))
    if not expect.equal(log_q, want):
        expected, advice = (
            "log q to be the density of z",
            "Each layer takes its log|det| from log q, at the point that enters it.",
        )
        raise question.wrong(expected, "another number", hint=hint(question), advice=advice)


def has_slopes(question: Question, draw: Draw, names: Sequence[str]) -> None:
    """Demand the gradients of both results for these arguments and for all parameters: the slopes of the student's own values."""
    student, owner, given = question.student, question.owner(), dict(question.arguments)
    z, log_q = answered(question)
    parameters = owner.state().parameters
    for place, value in enumerate((z, log_q)):
        cotangent = draw.normal(*value.shape)

        def total(changed: Given, place=place, cotangent=cotangent) -> torch.Tensor:
            got = student.call((owner, ""), *(given | changed).values())
            return (cotangent * question.is_like(cotangent.shape, got=item(place)(got))).sum()

        wrt = tuple(list(given).index(name) for name in names)
        order = {"parameters_of": owner, "cotangent": cotangent, "part": place}
        found = student.gradient((owner, ""), *given.values(), wrt=wrt, **order)
        for name, got in zip(names, found.inputs, strict=True):
            along(question, draw, got, given[name], name, lambda v, name=name, total=total: total({name: v}))
        for name, parameter in parameters.items():
            direction = draw.normal(*parameter.shape)
            slope = oracles.slope(moved(owner, name, direction, lambda total=total: total({})))
            compare(question, found.parameters.get(name), direction, slope, name)


def along(
    question: Question, draw: Draw, got: torch.Tensor | None, value: torch.Tensor, name: str, total: Callable
) -> None:
    """Compare a gradient for an input with the slope of the values in a random direction."""
    direction = draw.normal(*value.shape)
    compare(question, got, direction, oracles.slope(lambda step: total(value + step * direction)), name)


def compare(
    question: Question, got: torch.Tensor | None, direction: torch.Tensor, slope: torch.Tensor, of: str
) -> None:
    """Compare a gradient, in one direction, with a slope."""
    if float(slope.abs()) < 1e-7 and (got is None or not bool(got.any())):
        return  # what changes nothing: log q does not depend on mu through the noise
    question.has_derivative(None if got is None else (got * direction).sum(), slope.detach(), of)


def is_tidy(question: Question, dtype: torch.dtype) -> None:
    """Demand results of that dtype, and that the call does nothing else."""
    student, module, eps = question.student, question.owner(), question.arguments["eps"]
    before, chance, seen = module.state(), fresh_chance(student), question.inspected()
    after = student.global_rng()
    for got, shape in zip(items(question, seen.value, EXPECTED, 2), (eps.shape, eps.shape[:-1]), strict=True):
        question.is_varied(question.is_like(shape, dtype, got=got))
    question.leaves_alone(seen)
    question.draws_nothing(chance, after, "All its randomness comes in through eps.")
    question.keeps_state(before, module.state())
