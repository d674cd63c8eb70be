"""Hidden tests of monte_carlo_elbo."""

from collections.abc import Callable, Iterable

import torch

from autograder.judging import expect, oracles
from autograder.judging.expect import attempt, underflown
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.reporting.points import Kind
from autograder.suite.asking import COLOURED, SHAPE, placed
from autograder.suite.priors.follow import slices
from autograder.suite.priors.shared import SAMPLES, ask, flow_at, mixture_at
from autograder.suite.priors.truth import Flow, Mixture
from autograder.suite.question import Question
from autograder.suite.terms import has_gradients, wrong_term


@worth("monte_carlo_elbo", 3)
def test_monte_carlo_elbo_is_the_sampled_bound(student, draw):
    """For each image it returns log p(x|z) + log p(z) - log q(z|x) at the z that the given eps leads to."""
    for batch, latent_dim, shape in ((5, 3, SHAPE), (1, 2, SHAPE), (4, 4, (1, 3, 2)), (3, 1, (1, 1, 4))):
        toy = AffineModel.drawn(draw, latent_dim, shape, prior=True)
        is_right(bound(student, toy, draw.binary(batch, *shape), draw.normal(batch, latent_dim)))
    for shape, scale in ((COLOURED, 1.0), ((1, 28, 28), 3.0), (SHAPE, 60.0)):  # where probabilities round to zero
        toy = AffineModel.drawn(draw, 2, shape, prior=True)
        is_right(bound(student, toy, draw.binary(3, *shape), draw.normal(3, 2, scale=scale)))


@worth("monte_carlo_elbo", 2)
def test_monte_carlo_elbo_averages_over_samples(student, draw):
    """With eps of shape (K, B, D) it returns the mean over K, (B,), also where K = 1 or K = B."""
    for samples, batch, latent_dim in SAMPLES:
        toy = AffineModel.drawn(draw, latent_dim, prior=True)
        x, eps = draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim)
        question = bound(student, toy, x, eps)
        model = question.placed("model")
        singles = slices(lambda e, x=x, model=model: student.monte_carlo_elbo(model, x, e), eps, (batch,))
        is_right(question, also=(value.mean(0) for value in singles))


@worth("monte_carlo_elbo", 2)
def test_monte_carlo_elbo_samples_the_standard_prior_too(student, draw):
    """Where the model's prior is None, log p(z) is that of N(0, I), evaluated at the samples like the other terms."""
    for lead in ((), (3,)):
        toy = AffineModel.drawn(draw, 2)
        is_right(bound(student, toy, draw.binary(5, *SHAPE), draw.normal(*lead, 5, 2)))


@worth("monte_carlo_elbo")
def test_monte_carlo_elbo_takes_learnable_priors(student, draw):
    """It works with MixturePrior and FlowPrior as it does with any prior that has log_prob(z), looked up when
    called."""
    x, eps = draw.binary(4, *SHAPE), draw.normal(3, 4, 2)
    toy = AffineModel.drawn(draw, 2, prior=True)
    is_right(bound(student, toy, x, eps))
    mu, log_var = toy.encode(x)
    z = oracles.reparameterize(mu, log_var, eps)
    rest = oracles.bernoulli_log_prob(x, toy.decode(z)) - oracles.gaussian_log_prob(z, mu, log_var)
    for truth, build in ((Mixture.drawn(draw, 3, 2), mixture_at), (Flow.drawn(draw, 2, 2), flow_at)):
        prior = attempt(lambda truth=truth, build=build: build(student, truth))
        own = attempt(lambda prior=prior: prior.log_prob(z)) if prior is not None else None
        if not isinstance(own, torch.Tensor) or own.shape != z.shape[:-1] or not expect.varies(own):
            continue  # there is no such prior to look at, and that is paid for in its own exercise

        def with_prior(student: Student, truth=truth, build=build) -> Handle:
            model = placed(student, toy)
            model.assign(prior=build(student, truth))
            return model

        question = bound(student, toy, x, eps, with_prior).adding("model with a learnable prior")
        want = (rest + own.detach()).mean(0).to(torch.float64)
        expect.close(question.answer(), want, asked=question.asked, todo="Ask model.prior for log p(z).")


@worth("monte_carlo_elbo", kind=Kind.GRADIENT)
def test_monte_carlo_elbo_passes_gradients(student, draw):
    """The gradient reaches the parameters of encoder, decoder and prior."""
    toy = AffineModel.drawn(draw, 2, prior=True)
    question = bound(student, toy, draw.binary(4, *SHAPE), draw.normal(3, 4, 2))
    cotangent = draw.normal(4)
    is_right(question)
    has_gradients(question, AffineModel.elbo, cotangent, ("encoder", "decoder", "prior"), draw)


@worth("monte_carlo_elbo", kind=Kind.CARE)
def test_monte_carlo_elbo_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, answers float32 in float32, and changes neither its inputs nor the
    model nor any submodule's mode."""
    toy = AffineModel.drawn(draw, 2, prior=True, dtype=torch.float32)
    x, eps = draw.binary(5, *SHAPE, dtype=torch.float32), draw.normal(5, 2, dtype=torch.float32)
    is_right(bound(student, AffineModel.drawn(draw, 2, prior=True), x.double(), eps.double()))
    question = bound(student, toy, x, eps)
    still = "All its randomness comes in through eps."
    question.is_like((5,), torch.float32, got=question.touches_nothing(question.placed("model"), ["encoder"], still))
    question.keeps_models()


def bound(
    student: Student,
    toy: AffineModel,
    x: torch.Tensor,
    eps: torch.Tensor,
    build: Callable[[Student], Handle] | None = None,
) -> Question:
    """Return the question for the sampled bound of a toy, placed as a plain model or as `build` does it."""
    question = ask(student, "monte_carlo_elbo", model=build or (lambda student: placed(student, toy)), x=x, eps=eps)
    question.toy = toy

    def term(_: object) -> str:
        return wrong_term(lambda of, x, eps: student.monte_carlo_elbo(placed(student, of), x, eps), toy, averaged=True)

    return (question if toy.prior else question.adding("model with prior None")).looking(underflown).looking_last(term)


def is_right(question: Question, also: Iterable[torch.Tensor] = ()) -> None:
    toy, x, eps = question.toy, question.arguments["x"], question.arguments["eps"]
    zeros = torch.zeros(toy.latent_dim, dtype=eps.dtype)
    want = toy.changed(prior=toy.prior or (zeros, zeros)).elbo(x, eps)
    todo, shape = "Compare each of its three terms with the text.", "One bound for every image."
    question.equals(want, also=also, todo=todo, shape=shape)
