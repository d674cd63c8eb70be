"""Hidden tests of log_weights."""

import math
from collections.abc import Callable, Iterable

import torch

from autograder.judging import expect, oracles
from autograder.judging.accuracy import EXACT
from autograder.judging.expect import underflown
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.reporting.points import Kind
from autograder.suite.asking import COLOURED, SHAPE, placed
from autograder.suite.iwae.shared import ask
from autograder.suite.question import Question
from autograder.suite.terms import has_gradients, wrong_term

SAMPLES = ((5, 3, 4), (2, 7, 3), (1, 4, 2), (3, 1, 2), (6, 2, 1))  # (K, B, D), all different, and each of them one


EQUAL = ((3, 3, 3), (4, 4, 2), (2, 3, 3), (3, 2, 3))


@worth("log_weights", 3)
def test_log_weights_are_made_of_three_terms(student, draw):
    """log w = log p(x|z) + log p(z) - log q(z|x) at the z that eps leads to, one value for every sample of every
    image."""
    for samples, batch, latent_dim in SAMPLES:
        toy = AffineModel.drawn(draw, latent_dim)
        is_right(weights(student, toy, draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim)))
    for shape, scale in ((COLOURED, 1.0), ((1, 28, 28), 3.0), (SHAPE, 60.0)):  # where probabilities round to zero
        toy = AffineModel.drawn(draw, 2, shape)
        is_right(weights(student, toy, draw.binary(3, *shape), draw.normal(2, 3, 2, scale=scale)))


@worth("log_weights")
def test_log_weights_keep_their_axes_apart(student, draw):
    """The axes keep their meaning where K, B and D are equal: samples first, then images."""
    for samples, batch, latent_dim in EQUAL:
        toy = AffineModel.drawn(draw, latent_dim, prior=samples == batch)
        is_right(weights(student, toy, draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim)))


@worth("log_weights", 2)
def test_log_weights_use_the_prior_of_the_model(student, draw):
    """With a prior of its own the model's log p(z) is that prior's, looked up when called."""
    for samples, batch, latent_dim in SAMPLES[:3]:
        toy, other = (AffineModel.drawn(draw, latent_dim, prior=True) for _ in range(2))
        x, eps = draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim)
        first = weights(student, toy, x, eps)
        is_right(first)

        def replaced(asked: Student, first=first, toy=toy, other=other) -> Handle:
            model = first.placed("model") if asked is student else placed(asked, toy)
            model.assign(prior=asked.build("GaussianPrior", *other.prior))
            return model

        is_right(weights(student, toy.changed(prior=other.prior), x, eps, replaced))


@worth("log_weights")
def test_log_weights_average_to_the_likelihood(student, draw):
    """The mean of the weights over q(z|x) is p(x): by quadrature in one latent dimension, for every image there is."""
    x = oracles.all_images(2, 2)
    for prior in (False, True):
        toy = AffineModel.drawn(draw, 1, (1, 2, 2), prior=prior)
        mu, log_var = toy.encode(x)
        z = torch.linspace(-14, 14, 1401, dtype=torch.float64)[:, None, None]  # (points, 1, 1)
        eps = (z - mu) * torch.exp(-log_var / 2)
        question = weights(student, toy, x, eps)
        log_w = question.is_like(eps.shape[:2], x.dtype)
        mean = torch.logsumexp(log_w + oracles.gaussian_log_prob(z, mu, log_var), 0) + math.log(0.02)
        if not bool(((mean - toy.log_likelihood(x)).abs() < EXACT).all()):
            expected, advice = "weights whose mean under q(z|x) is p(x)", "Compare each of the three terms."
            raise question.wrong(expected, "weights with another mean", hint=question.hint(log_w), advice=advice)


@worth("log_weights", 2, Kind.GRADIENT)
def test_log_weights_pass_gradients(student, draw):
    """The gradient reaches the parameters of encoder and decoder, through z and through log q(z|x)."""
    question = weights(student, AffineModel.drawn(draw, 2), draw.binary(4, *SHAPE), draw.normal(3, 4, 2))
    cotangent = draw.normal(3, 4)
    is_right(question)
    has_gradients(question, oracles.log_weights, cotangent, ("encoder", "decoder"), draw)


@worth("log_weights", kind=Kind.GRADIENT)
def test_log_weights_pass_gradients_to_the_prior(student, draw):
    """The gradient reaches the parameters of a prior that is trained."""
    question = weights(student, AffineModel.drawn(draw, 2, prior=True), draw.binary(4, *SHAPE), draw.normal(3, 4, 2))
    cotangent = draw.normal(3, 4)
    is_right(question)
    has_gradients(question, oracles.log_weights, cotangent, ("prior",), draw)


@worth("log_weights", kind=Kind.CARE)
def test_log_weights_keep_float32(student, draw):
    """A model and inputs in float32 give log weights in float32."""
    toy = AffineModel.drawn(draw, 3, prior=True, dtype=torch.float32)
    x, eps = draw.binary(5, *SHAPE, dtype=torch.float32), draw.normal(4, 5, 3, dtype=torch.float32)
    double = toy.changed(
        **{n: v.double() for n, v in vars(toy).items() if isinstance(v, torch.Tensor)},
        prior=tuple(p.double() for p in toy.prior),
    )
    own = expect.attempt(weights(student, double, x.double(), eps.double()).answer)
    also = [own.detach().float()] if expect.varies(own) and own.shape == (4, 5) else []
    is_right(weights(student, toy, x, eps), also=also)


@worth("log_weights", kind=Kind.CARE)
def test_log_weights_leave_their_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither its inputs nor the model nor any submodule's
    mode."""
    toy, x, eps = AffineModel.drawn(draw, 2, prior=True), draw.binary(5, *SHAPE), draw.normal(3, 5, 2)
    question = weights(student, toy, x, eps)
    is_right(question)
    question.touches_nothing(
        question.placed("model"), ["encoder", "decoder"], "All its randomness comes in through eps."
    )
    question.keeps_models()


def weights(
    student: Student,
    toy: AffineModel,
    x: torch.Tensor,
    eps: torch.Tensor,
    build: Callable[[Student], Handle] | None = None,
) -> Question:
    """Return the question for the log weights of a toy, placed as a plain model or as `build` does it."""
    question = ask(student, "log_weights", model=build or (lambda student: placed(student, toy)), x=x, eps=eps)
    question.toy = toy

    def term(_: object) -> str:
        return wrong_term(lambda of, x, eps: student.log_weights(placed(student, of), x, eps), toy, averaged=False)

    return (question.adding("model with a prior") if toy.prior else question).looking(underflown).looking_last(term)


def is_right(question: Question, also: Iterable[torch.Tensor] = ()) -> None:
    x, eps = (question.arguments[name] for name in ("x", "eps"))
    todo = "Compare each of its three terms with the text."
    shape = "One log weight for every sample of every image: (K, B)."
    question.equals(oracles.log_weights(question.toy, x, eps), also=also, todo=todo, shape=shape)
