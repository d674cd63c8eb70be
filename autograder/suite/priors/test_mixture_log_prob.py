"""Hidden tests of mixture_log_prob."""

from collections.abc import Iterable

import torch

from autograder.judging import expect, mistakes
from autograder.judging.expect import Wrong, call
from autograder.judging.mistakes import SAID
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.suite.asking import NARROW
from autograder.suite.priors import public
from autograder.suite.priors.shared import (
    SAMPLES,
    check_gradients,
    check_mass,
    check_parameters,
    check_tidy,
    densities,
    mixture_prior,
    rounded,
    slices,
)
from autograder.suite.priors.truth import Mixture


def check_mixture(
    student: Student, mixture: Mixture, z: torch.Tensor, also: Iterable[torch.Tensor] = (), todo: str = ""
) -> None:
    expect.close(
        mixture_prior(student, mixture).log_prob(z),
        mixture.double().log_prob(z.double()).to(z.dtype),
        asked=call("prior.log_prob", z=z) + f", {len(mixture.logits)} components",
        also=also,
        hint=lambda got: mistakes.underflown(got) or mistakes.recognise("mixture_log_prob", got, z, mixture),
        todo=todo,
        example=lambda: public.example(student, "mixture_log_prob"),
        shape_todo="One value for every code: components and latent dimensions are summed over, nothing else.",
    )


SIZES = ((5, 3, 2), (1, 2, 3), (4, 4, 4), (3, 1, 2), (2, 5, 1))  # (B, C, D): equal sizes, and each of them one


@worth("mixture_log_prob", 3)
def test_mixture_log_prob_is_the_log_density(student, draw):
    """log p(z) = log Σ_c softmax(logits)_c N(z; loc_c, diag exp log_var_c), one value for every code."""
    for batch, components, latent_dim in SIZES:
        mixture = Mixture.drawn(draw, components, latent_dim)
        check_mixture(student, mixture, draw.normal(batch, latent_dim, scale=1.5))
    narrow = Mixture.drawn(draw, 3, 2).changed(log_var=draw.uniform(3, 2, low=-NARROW, high=NARROW))
    check_mixture(student, narrow, narrow.loc + 0.01 * draw.normal(3, 2))


@worth("mixture_log_prob")
def test_mixture_log_prob_broadcasts_over_samples(student, draw):
    """With z of shape (K, B, D) it returns (K, B), also where K, B, D and the number of components are equal."""
    for samples, batch, latent_dim in SAMPLES:
        mixture, z = Mixture.drawn(draw, 4, latent_dim), draw.normal(samples, batch, latent_dim)
        prior = mixture_prior(student, mixture)
        check_mixture(student, mixture, z, also=slices(prior.log_prob, z, (batch,)))


@worth("mixture_log_prob")
def test_mixture_log_prob_integrates_to_one(student, draw):
    """The density integrates to one, in one and in two latent dimensions."""
    for latent_dim, points in ((1, 801), (2, 321)):
        mixture = Mixture.drawn(draw, 3, latent_dim)
        prior = mixture_prior(student, mixture)
        check_mass(
            prior,
            latent_dim,
            points,
            lambda got, z, mixture=mixture: mistakes.recognise("mixture_log_prob", got, z, mixture),
        )


@worth("mixture_log_prob")
def test_mixture_log_prob_depends_on_what_logits_and_components_mean(student, draw):
    """Adding one number to all logits changes nothing, nor does another order of the components."""
    mixture, z = Mixture.drawn(draw, 4, 2), draw.normal(5, 2)
    order = torch.tensor([2, 0, 3, 1])
    shifted = mixture.changed(logits=mixture.logits + draw.uniform(low=1.0, high=3.0))
    ordered = Mixture(*(value[order] for value in mixture.parameters.values()))
    asked = call("prior.log_prob", z=z)
    first, *others = (densities(mixture_prior(student, m), z, asked) for m in (mixture, shifted, ordered))
    expect.varied(first, asked=asked)
    for got, what in zip(others, ("the logits have grown by one number", "the components are reordered"), strict=True):
        if not expect.equal(got, first):
            hint = mistakes.recognise("mixture_log_prob", first, z, mixture)
            raise Wrong(asked, f"the same values after {what}", "others", "Are the weights a softmax?", hint)


@worth("mixture_log_prob")
def test_mixture_log_prob_is_exact_for_extreme_logits(student, draw):
    """A component of a very small weight still rules the density where no other one reaches, in float64 and
    float32."""
    for dtype in (torch.float64, torch.float32):
        for logits in ([0.0, -40.0], [300.0, 230.0]):
            mixture = Mixture.drawn(draw, 2, 2, dtype)
            far = mixture.loc[:1] + 60 * torch.tensor([1.0, -1.0], dtype=dtype)
            mixture = mixture.changed(logits=torch.tensor(logits, dtype=dtype), loc=torch.cat([mixture.loc[:1], far]))
            check_mixture(student, mixture, far + draw.normal(4, 2, scale=0.5, dtype=dtype))


@worth("mixture_log_prob")
def test_mixture_log_prob_is_exact_far_away(student, draw):
    """It is finite and exact a thousand standard deviations away from all components, where every density underflows
    to zero."""
    for dtype in (torch.float64, torch.float32):
        mixture, z = Mixture.drawn(draw, 3, 2, dtype), draw.normal(4, 2, scale=200.0, shift=1000.0, dtype=dtype)
        check_mixture(student, mixture, z, todo="Densities round to zero here: stay with logarithms.")


@worth("mixture_log_prob")
def test_mixture_log_prob_passes_gradients(student, draw):
    """The gradient reaches z, logits, loc and log_var."""
    mixture, z = Mixture.drawn(draw, 3, 2), draw.normal(2, 5, 2)
    prior = mixture_prior(student, mixture)
    check_mixture(student, mixture, z)
    check_gradients(student, prior, "log_prob", mixture.parameters, lambda z, p: Mixture(**p).log_prob(z), draw, z=z)


@worth("mixture_log_prob")
def test_mixture_log_prob_keeps_float32(student, draw):
    """Parameters and codes in float32 give a result in float32."""
    mixture, z = Mixture.drawn(draw, 3, 4, torch.float32), draw.normal(5, 4, dtype=torch.float32)
    double = Mixture(*(value.double() for value in mixture.parameters.values()))
    own = rounded(lambda: mixture_prior(student, double).log_prob(z.double()), z.shape[:-1])
    check_mixture(student, mixture, z, also=own)


@worth("mixture_log_prob")
def test_mixture_prior_has_its_parameters(student, draw):
    """MixturePrior(num_components, latent_dim) has the parameters logits (C,), loc (C, D) and log_var (C, D), and its
    components differ from the start."""
    asked = "MixturePrior(num_components=4, latent_dim=3)"
    prior = student.new("MixturePrior", num_components=4, latent_dim=3)
    found = check_parameters(prior, {"logits": (4,), "loc": (4, 3), "log_var": (4, 3)}, asked)
    rows = torch.cat([found["loc"], found["log_var"]], 1)
    if any(torch.equal(rows[i], rows[j]) for i in range(4) for j in range(i)):
        raise Wrong(
            asked, "components that differ from each other", "some that are equal", "", SAID["components_equal"]
        )


@worth("mixture_log_prob")
def test_mixture_log_prob_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither z nor the prior."""
    z, mixture = draw.normal(5, 2), Mixture.drawn(draw, 3, 2)
    prior = mixture_prior(student, mixture)
    check_tidy(student, prior, "log_prob", "prior.log_prob", right=lambda: check_mixture(student, mixture, z), z=z)
