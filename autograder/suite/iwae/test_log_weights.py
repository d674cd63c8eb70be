"""Hidden tests of log_weights."""

import math
from collections.abc import Iterable

import torch

from autograder.judging import expect, mistakes, oracles
from autograder.judging.accuracy import EXACT
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, call
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.suite.asking import COLOURED, SHAPE, check_derivative, check_models_kept, fresh_chance, moved, placed
from autograder.suite.iwae import public
from autograder.suite.terms import wrong_term


def check_weights(
    student: Student,
    toy: AffineModel,
    x: torch.Tensor,
    eps: torch.Tensor,
    model: Handle | None = None,
    also: Iterable[torch.Tensor] = (),
) -> torch.Tensor:
    """Compare log weights with the formula."""
    return expect.close(
        student.log_weights(model or placed(student, toy), x, eps),
        oracles.log_weights(toy, x, eps),
        asked=call("log_weights", model=..., x=x, eps=eps) + ("" if toy.prior is None else ", model with a prior"),
        also=also,
        hint=lambda got: (
            mistakes.underflown(got)
            or mistakes.recognise("log_weights", got, toy, x, eps)
            or expect.unsteady(lambda: student.log_weights(model or placed(student, toy), x, eps), got)
            or wrong_term(lambda of, x, eps: student.log_weights(placed(student, of), x, eps), toy, averaged=False)
        ),
        todo="Compare each of its three terms with the text.",
        example=lambda: public.example(student, "log_weights", placed),
        shape_todo="One log weight for every sample of every image: (K, B).",
    )


def check_weight_gradients(
    student: Student,
    toy: AffineModel,
    leaf: AffineModel,
    parts: dict[str, dict[str, torch.Tensor]],
    draw: Draw,
) -> None:
    """Compare gradients of log weights for parameters with those of the formula, or with the slopes of the student's
    own values.

    Args:
        leaf: the toy made of the leaves; parts: these leaves by name, of the encoder, the decoder or the prior.
    """
    x, eps, cotangent = draw.binary(4, *SHAPE), draw.normal(3, 4, 2), draw.normal(3, 4)
    check_weights(student, toy, x, eps)
    model, asked = placed(student, toy), call("log_weights", model=..., x=x, eps=eps)
    (cotangent * oracles.log_weights(leaf, x, eps)).sum().backward()

    def value():
        got = expect.tensor(student.log_weights(model, x, eps), (3, 4), x.dtype, asked=asked)
        return (cotangent * got).sum()

    for part, leaves in parts.items():
        owner = model.attribute(part)
        found = student.gradient("log_weights", model, x, eps, wrt=(), parameters_of=owner, cotangent=cotangent)
        expect.tensor(found.value, (3, 4), x.dtype, asked=asked)
        for name, parameter in leaves.items():

            def own(direction, owner=owner, name=name):
                return oracles.slope(moved(owner, name, direction, value))

            got = found.parameters.get(name)
            check_derivative(got, parameter.grad, own, draw, asked, f"the {part}'s {name}")


SAMPLES = ((5, 3, 4), (2, 7, 3), (1, 4, 2), (3, 1, 2), (6, 2, 1))  # (K, B, D), all different, and each of them one


EQUAL = ((3, 3, 3), (4, 4, 2), (2, 3, 3), (3, 2, 3))


@worth("log_weights", 3)
def test_log_weights_are_made_of_three_terms(student, draw):
    """log w = log p(x|z) + log p(z) - log q(z|x) at the z that eps leads to, one value for every sample of every
    image."""
    for samples, batch, latent_dim in SAMPLES:
        toy = AffineModel.drawn(draw, latent_dim)
        check_weights(student, toy, draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim))
    for shape, scale in ((COLOURED, 1.0), ((1, 28, 28), 3.0), (SHAPE, 60.0)):  # where probabilities round to zero
        toy = AffineModel.drawn(draw, 2, shape)
        check_weights(student, toy, draw.binary(3, *shape), draw.normal(2, 3, 2, scale=scale))


@worth("log_weights")
def test_log_weights_keep_their_axes_apart(student, draw):
    """The axes keep their meaning where K, B and D are equal: samples first, then images."""
    for samples, batch, latent_dim in EQUAL:
        toy = AffineModel.drawn(draw, latent_dim, prior=samples == batch)
        check_weights(student, toy, draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim))


@worth("log_weights", 2)
def test_log_weights_use_the_prior_of_the_model(student, draw):
    """With a prior of its own the model's log p(z) is that prior's, looked up when called."""
    for samples, batch, latent_dim in SAMPLES[:3]:
        toy, other = (AffineModel.drawn(draw, latent_dim, prior=True) for _ in range(2))
        x, eps = draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim)
        model = placed(student, toy)
        check_weights(student, toy, x, eps, model)
        model.assign(prior=student.gaussian_prior(*other.prior))
        check_weights(student, toy.changed(prior=other.prior), x, eps, model)


@worth("log_weights")
def test_log_weights_average_to_the_likelihood(student, draw):
    """The mean of the weights over q(z|x) is p(x): by quadrature in one latent dimension, for every image there is."""
    x = oracles.all_images(2, 2)
    for prior in (False, True):
        toy = AffineModel.drawn(draw, 1, (1, 2, 2), prior=prior)
        mu, log_var = toy.encode(x)
        z = torch.linspace(-14, 14, 1401, dtype=torch.float64)[:, None, None]  # (points, 1, 1)
        eps = (z - mu) * torch.exp(-log_var / 2)
        asked = call("log_weights", model=..., x=x, eps=eps)
        log_w = expect.tensor(student.log_weights(placed(student, toy), x, eps), eps.shape[:2], x.dtype, asked=asked)
        mean = torch.logsumexp(log_w + oracles.gaussian_log_prob(z, mu, log_var), 0) + math.log(0.02)
        if not bool(((mean - toy.log_likelihood(x)).abs() < EXACT).all()):
            hint = mistakes.recognise("log_weights", log_w, toy, x, eps)
            expected = "weights whose mean under q(z|x) is p(x)"
            raise Wrong(asked, expected, "weights with another mean", "", hint, "Compare each of the three terms.")


@worth("log_weights", 2)
def test_log_weights_pass_gradients(student, draw):
    """The gradient reaches the parameters of encoder and decoder, through z and through log q(z|x)."""
    toy, names = (
        AffineModel.drawn(draw, 2),
        ("weight_mu", "bias_mu", "weight_log_var", "bias_log_var", "weight", "bias"),
    )
    leaves = {name: getattr(toy, name).clone().requires_grad_(True) for name in names}
    parts = {"encoder": {name: leaves[name] for name in names[:4]}, "decoder": {n: leaves[n] for n in names[4:]}}
    check_weight_gradients(student, toy, toy.changed(**leaves), parts, draw)


@worth("log_weights")
def test_log_weights_pass_gradients_to_the_prior(student, draw):
    """The gradient reaches the parameters of a prior that is trained."""
    toy = AffineModel.drawn(draw, 2, prior=True)
    leaves = {name: p.clone().requires_grad_(True) for name, p in zip(("mean", "log_var"), toy.prior, strict=True)}
    check_weight_gradients(student, toy, toy.changed(prior=tuple(leaves.values())), {"prior": leaves}, draw)


@worth("log_weights")
def test_log_weights_keep_float32(student, draw):
    """A model and inputs in float32 give log weights in float32."""
    toy = AffineModel.drawn(draw, 3, prior=True, dtype=torch.float32)
    x, eps = draw.binary(5, *SHAPE, dtype=torch.float32), draw.normal(4, 5, 3, dtype=torch.float32)
    model = placed(student, toy)
    double = toy.changed(
        **{n: v.double() for n, v in vars(toy).items() if isinstance(v, torch.Tensor)},
        prior=tuple(p.double() for p in toy.prior),
    )
    own = expect.attempt(lambda: student.log_weights(placed(student, double), x.double(), eps.double()))
    also = [own.detach().float()] if expect.varies(own) and own.shape == (4, 5) else []
    check_weights(student, toy, x, eps, model, also=also)


@worth("log_weights")
def test_log_weights_leave_their_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither its inputs nor the model nor any submodule's
    mode."""
    toy, x, eps = AffineModel.drawn(draw, 2, prior=True), draw.binary(5, *SHAPE), draw.normal(3, 5, 2)
    check_weights(student, toy, x, eps)
    model = placed(student, toy)
    for part in ("encoder", "decoder"):
        model.attribute(part).train()
    asked, before, chance = call("log_weights", model=..., x=x, eps=eps), model.state(), fresh_chance(student)
    seen = student.inspect("log_weights", model, x, eps)
    expect.silent(seen, asked=asked)
    expect.inputs_kept(seen, {"model": ..., "x": x, "eps": eps}, asked=asked)
    expect.random_state_kept(chance, student.global_rng(), asked=asked, todo="All its randomness comes in through eps.")
    expect.state_kept(before, model.state(), asked=asked)
    check_models_kept(student, toy, lambda model: student.inspect("log_weights", model, x, eps), asked)
