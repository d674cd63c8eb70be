"""Sums of log p(x|z) + log p(z) - log q(z|x): which of the three terms an answer has wrong, found by asking on models that tell them
apart, and the gradients of all three.

`wrong_term` is for wrong answers that equal no known mistake's. A term is right where the answer changes as it should when nothing
but that term does.
"""

from collections.abc import Callable, Iterable

import torch

from autograder.judging import oracles
from autograder.judging.draw import Draw
from autograder.judging.expect import attempt, close_to
from autograder.judging.oracles import AffineModel
from autograder.suite.asking import demand_derivative, moved
from autograder.suite.question import Question

IMAGES = 8
TERMS = ("log p(x|z)", "log p(z)", "log q(z|x)")
PARAMETERS = {"encoder": ("weight_mu", "bias_mu", "weight_log_var", "bias_log_var"), "decoder": ("weight", "bias")}
Ask = Callable[[AffineModel, torch.Tensor, torch.Tensor], object]


def wrong_term(ask: Ask, toy: AffineModel, averaged: bool) -> str:
    """Return what is known about the wrong term, or how terms or samples are put together wrongly; empty where nothing is.

    Args:
        ask: gives the student's answer for a model, images (B, 1, H, W) and noise (K, B, D).
        toy: the model on which the answer was wrong.
        averaged: the answer is averaged over samples, (B,), else (K, B).
    """
    noise, dtype = torch.Generator().manual_seed(0), toy.weight.dtype
    x = (torch.rand(IMAGES, *toy.shape, generator=noise) < 0.5).to(dtype)
    eps = torch.randn(1, IMAGES, toy.latent_dim, generator=noise).to(dtype)

    def asked(model: AffineModel, eps: torch.Tensor) -> torch.Tensor | None:
        found = attempt(lambda: ask(model, x, eps))
        shape = (IMAGES,) if averaged else (len(eps), IMAGES)
        usable = isinstance(found, torch.Tensor) and found.shape == shape and bool(torch.isfinite(found).all())
        return found.detach().to(dtype) if usable else None

    first = asked(toy, eps)
    if first is None:
        return ""
    if close_to(first.reshape(IMAGES), oracles.log_weights(toy, x, eps)[0]):
        three = torch.randn(3, IMAGES, toy.latent_dim, generator=noise).to(dtype)
        several = asked(toy, three)
        truth = oracles.log_weights(toy, x, three)
        wrong = several is not None and not close_to(several, truth.mean(0) if averaged else truth)
        return "With one sample it is right: look at what is done with several samples." if wrong else ""
    return _combined(first.reshape(IMAGES), toy, x, eps) or _changed(asked, toy, x, eps)


def _combined(got: torch.Tensor, toy: AffineModel, x: torch.Tensor, eps: torch.Tensor) -> str:
    """Return the formula that the answer equals, where it is a sum of the three terms with other factors."""
    mu, log_var = toy.encode(x)
    z = oracles.reparameterize(mu, log_var, eps)[0]
    terms = torch.stack(
        [
            oracles.bernoulli_log_prob(x, toy.decode(z)),
            toy.prior_log_prob(z),
            oracles.gaussian_log_prob(z, mu, log_var),
        ],
        dim=1,
    ).double()
    factors = torch.linalg.lstsq(terms, got.double()[:, None]).solution
    if not close_to(got.double(), (terms @ factors)[:, 0]):
        return ""
    factors = (factors[:, 0] * 1000).round() / 1000
    told = ""
    for factor, name in zip(factors.tolist(), TERMS, strict=True):
        sign = ("-" if not told else " - ") if factor < 0 else (" + " if told else "")
        told += f"{sign}{'' if abs(factor) == 1 else f'{abs(factor):g} '}{name}" if factor else ""
    return f"The answer is {told}: look at signs and factors, and at what is left out." if told else ""


def _changed(asked: Callable, toy: AffineModel, x: torch.Tensor, eps: torch.Tensor) -> str:
    """Return the one term with which the answer does not change as it should."""
    drawn = torch.linspace(-0.6, 0.6, toy.latent_dim, dtype=eps.dtype)
    blind = toy.changed(weight=torch.zeros_like(toy.weight))
    moved = blind.changed(bias_mu=blind.bias_mu + 0.4 + drawn)
    wider = blind.changed(bias_mu=blind.bias_mu + drawn, bias_log_var=blind.bias_log_var + 0.7 - drawn)
    (mu, log_var), (to, spread) = blind.encode(x), wider.encode(x)
    same_point = (oracles.reparameterize(mu, log_var, eps) - to) / torch.exp(spread / 2)
    pairs = {  # what differs between two models is that term alone: q has one value at a noise, the prior at a point
        "log p(x|z)": ((toy, eps), (blind, eps)),
        "log p(z)": ((blind, eps), (moved, eps)),
        "log q(z|x)": ((blind, eps), (wider, same_point)),
    }
    wrong = []
    for name, (one, other) in pairs.items():
        found, there = asked(*one), asked(*other)
        if found is None or there is None:
            return ""
        truth = oracles.log_weights(one[0], x, one[1])[0] - oracles.log_weights(other[0], x, other[1])[0]
        if not close_to((found - there).reshape(len(x)), truth):
            wrong.append(name)
    if len(wrong) == 1:
        return f"Of the three terms {wrong[0]} is wrong: the answer changes as it should with the two others, and not with this one."
    return (
        "" if wrong else "The answer changes as it should with all three terms: a constant is missing, or one too many."
    )


def has_gradients(question: Question, formula: Ask, cotangent: torch.Tensor, parts: Iterable[str], draw: Draw) -> None:
    """Demand the gradients of a sum of the three terms for the parameters of a model's parts, or the slopes of the student's own
    values.

    Args:
        question: asks about a toy, with the arguments model, x and eps. formula: the sum.
    """
    toy, x, model = question.toy, question.arguments["x"], question.placed("model")
    leaves = {part: {n: _leaf(getattr(toy, n)) for n in names} for part, names in PARAMETERS.items()}
    leaves["prior"] = dict(zip(("mean", "log_var"), map(_leaf, toy.prior or ()), strict=False))
    changed = toy.changed(**leaves["encoder"], **leaves["decoder"], prior=tuple(leaves["prior"].values()) or None)
    (cotangent * formula(changed, x, question.arguments["eps"])).sum().backward()

    def value() -> torch.Tensor:
        return (cotangent * question.is_like(cotangent.shape, x.dtype)).sum()

    for part in parts:
        owner = model.attribute(part)
        found = question.gradient(wrt=(), parameters_of=owner, cotangent=cotangent)
        question.is_like(cotangent.shape, x.dtype, got=found.value)
        for name, leaf in leaves[part].items():

            def slope(direction: torch.Tensor, owner=owner, name=name) -> torch.Tensor:
                return oracles.slope(moved(owner, name, direction, value))

            got = found.parameters.get(name)
            demand_derivative(got, leaf.grad, slope, draw, question.asked, f"the {part}'s {name}")


def _leaf(parameter: torch.Tensor) -> torch.Tensor:
    return parameter.clone().requires_grad_(True)
