"""Hidden tests of monte_carlo_elbo."""

import functools
from collections.abc import Iterable

import torch

from autograder.judging import expect, mistakes, oracles
from autograder.judging.expect import attempt, call
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.suite.asking import COLOURED, SHAPE, check_derivative, check_models_kept, fresh_chance, moved, placed
from autograder.suite.priors import public
from autograder.suite.priors.shared import SAMPLES, flow_prior, mixture_prior, slices
from autograder.suite.priors.truth import Flow, Mixture
from autograder.suite.terms import wrong_term


def bound(student: Student, model: Handle, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    """Return a student's sampled bounds, checked for kind."""
    asked = call("monte_carlo_elbo", model=..., x=x, eps=eps)
    return expect.tensor(student.monte_carlo_elbo(model, x, eps), (len(x),), x.dtype, asked=asked)


def check_bound(
    student: Student, toy: AffineModel, x: torch.Tensor, eps: torch.Tensor, also: Iterable[torch.Tensor] = ()
) -> None:
    zeros = torch.zeros(toy.latent_dim, dtype=eps.dtype)
    expect.close(
        student.monte_carlo_elbo(placed(student, toy), x, eps),
        toy.changed(prior=toy.prior or (zeros, zeros)).elbo(x, eps),
        asked=call("monte_carlo_elbo", model=..., x=x, eps=eps) + ("" if toy.prior else ", model with prior None"),
        also=also,
        hint=lambda got: (
            mistakes.underflown(got)
            or mistakes.recognise("monte_carlo_elbo", got, toy, x, eps)
            or expect.unsteady(lambda: student.monte_carlo_elbo(placed(student, toy), x, eps), got)
            or wrong_term(lambda of, x, eps: student.monte_carlo_elbo(placed(student, of), x, eps), toy, averaged=True)
        ),
        todo="Compare each of its three terms with the text.",
        example=lambda: public.example(student, "monte_carlo_elbo", placed),
        shape_todo="One bound for every image.",
    )


@worth("monte_carlo_elbo", 3)
def test_monte_carlo_elbo_is_the_sampled_bound(student, draw):
    """For each image it returns log p(x|z) + log p(z) - log q(z|x) at the z that the given eps leads to."""
    for batch, latent_dim, shape in ((5, 3, SHAPE), (1, 2, SHAPE), (4, 4, (1, 3, 2)), (3, 1, (1, 1, 4))):
        toy = AffineModel.drawn(draw, latent_dim, shape, prior=True)
        check_bound(student, toy, draw.binary(batch, *shape), draw.normal(batch, latent_dim))
    for shape, scale in ((COLOURED, 1.0), ((1, 28, 28), 3.0), (SHAPE, 60.0)):  # where probabilities round to zero
        toy = AffineModel.drawn(draw, 2, shape, prior=True)
        check_bound(student, toy, draw.binary(3, *shape), draw.normal(3, 2, scale=scale))


@worth("monte_carlo_elbo", 2)
def test_monte_carlo_elbo_averages_over_samples(student, draw):
    """With eps of shape (K, B, D) it returns the mean over K, (B,), also where K = 1 or K = B."""
    for samples, batch, latent_dim in SAMPLES:
        toy = AffineModel.drawn(draw, latent_dim, prior=True)
        x, eps = draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim)
        model = placed(student, toy)
        singles = slices(lambda e, x=x, model=model: student.monte_carlo_elbo(model, x, e), eps, (batch,))
        check_bound(student, toy, x, eps, also=(value.mean(0) for value in singles))


@worth("monte_carlo_elbo", 2)
def test_monte_carlo_elbo_samples_the_standard_prior_too(student, draw):
    """Where the model's prior is None, log p(z) is that of N(0, I), evaluated at the samples like the other terms."""
    for lead in ((), (3,)):
        toy = AffineModel.drawn(draw, 2)
        check_bound(student, toy, draw.binary(5, *SHAPE), draw.normal(*lead, 5, 2))


@worth("monte_carlo_elbo")
def test_monte_carlo_elbo_takes_learnable_priors(student, draw):
    """It works with MixturePrior and FlowPrior as it does with any prior that has log_prob(z), looked up when
    called."""
    x, eps = draw.binary(4, *SHAPE), draw.normal(3, 4, 2)
    toy = AffineModel.drawn(draw, 2, prior=True)
    check_bound(student, toy, x, eps)
    mu, log_var = toy.encode(x)
    z = oracles.reparameterize(mu, log_var, eps)
    rest = oracles.bernoulli_log_prob(x, toy.decode(z)) - oracles.gaussian_log_prob(z, mu, log_var)
    for truth, build in ((Mixture.drawn(draw, 3, 2), mixture_prior), (Flow.drawn(draw, 2, 2), flow_prior)):
        prior = attempt(lambda truth=truth, build=build: build(student, truth))
        own = attempt(lambda prior=prior: prior.log_prob(z)) if prior is not None else None
        if not isinstance(own, torch.Tensor) or own.shape != z.shape[:-1] or not expect.varies(own):
            continue  # there is no such prior to look at, and that is paid for in its own exercise
        model = placed(student, toy)
        model.assign(prior=prior)
        asked = call("monte_carlo_elbo", model=..., x=x, eps=eps) + ", model with a learnable prior"
        want = (rest + own.detach()).mean(0).to(torch.float64)
        expect.close(student.monte_carlo_elbo(model, x, eps), want, asked=asked, todo="Ask model.prior for log p(z).")


@worth("monte_carlo_elbo")
def test_monte_carlo_elbo_passes_gradients(student, draw):
    """The gradient reaches the parameters of encoder, decoder and prior."""
    toy = AffineModel.drawn(draw, 2, prior=True)
    x, eps, cotangent = draw.binary(4, *SHAPE), draw.normal(3, 4, 2), draw.normal(4)
    check_bound(student, toy, x, eps)
    model, asked = placed(student, toy), call("monte_carlo_elbo", model=..., x=x, eps=eps)
    names = ("weight_mu", "bias_mu", "weight_log_var", "bias_log_var", "weight", "bias")
    leaves = {name: getattr(toy, name).clone().requires_grad_(True) for name in names}
    prior = {name: p.clone().requires_grad_(True) for name, p in zip(("mean", "log_var"), toy.prior, strict=True)}
    (cotangent @ toy.changed(prior=tuple(prior.values()), **leaves).elbo(x, eps)).backward()
    parts = {"encoder": dict.fromkeys(names[:4]), "decoder": dict.fromkeys(names[4:]), "prior": prior}
    for part_name, parameters in parts.items():
        owner = model.attribute(part_name)
        found = student.gradient("monte_carlo_elbo", model, x, eps, wrt=(), parameters_of=owner, cotangent=cotangent)
        expect.tensor(found.value, (4,), x.dtype, asked=asked)
        for name in parameters:

            def own(direction, owner=owner, name=name):
                value = functools.partial(bound, student, model, x, eps)
                return oracles.slope(moved(owner, name, direction, lambda: cotangent @ value()))

            want = (prior if part_name == "prior" else leaves)[name].grad
            check_derivative(found.parameters[name], want, own, draw, asked, f"the {part_name}'s {name}")


@worth("monte_carlo_elbo")
def test_monte_carlo_elbo_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, answers float32 in float32, and changes neither its inputs nor the
    model nor any submodule's mode."""
    toy = AffineModel.drawn(draw, 2, prior=True, dtype=torch.float32)
    x, eps = draw.binary(5, *SHAPE, dtype=torch.float32), draw.normal(5, 2, dtype=torch.float32)
    double = AffineModel.drawn(draw, 2, prior=True)
    check_bound(student, double, x.double(), eps.double())
    model = placed(student, toy)
    model.attribute("encoder").train()
    asked, before, chance = call("monte_carlo_elbo", model=..., x=x, eps=eps), model.state(), fresh_chance(student)
    seen = student.inspect("monte_carlo_elbo", model, x, eps)
    expect.tensor(seen.value, (5,), torch.float32, asked=asked)
    expect.silent(seen, asked=asked)
    expect.inputs_kept(seen, {"model": ..., "x": x, "eps": eps}, asked=asked)
    expect.random_state_kept(chance, student.global_rng(), asked=asked, todo="All its randomness comes in through eps.")
    expect.state_kept(before, model.state(), asked=asked)
    check_models_kept(student, toy, lambda model: student.inspect("monte_carlo_elbo", model, x, eps), asked)
