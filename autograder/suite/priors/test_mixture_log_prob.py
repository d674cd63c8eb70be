"""Hidden tests of mixture_log_prob."""

import functools
from collections.abc import Iterable

import torch

from autograder.judging import expect, sentences
from autograder.judging.expect import Wrong
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.suite.asking import NARROW
from autograder.suite.priors import shared
from autograder.suite.priors.follow import rounded, slices
from autograder.suite.priors.shared import (
    CODES,
    SAMPLES,
    has_gradients,
    has_parameters,
    integrates_to_one,
    is_tidy,
    mixture_at,
)
from autograder.suite.priors.truth import Mixture
from autograder.suite.question import Question

SIZES = ((5, 3, 2), (1, 2, 3), (4, 4, 4), (3, 1, 2), (2, 5, 1))  # (B, C, D): equal sizes, and each of them one


@worth("mixture_log_prob", 3)
def test_mixture_log_prob_is_the_log_density(student, draw):
    """log p(z) = log Σ_c softmax(logits)_c N(z; loc_c, diag exp log_var_c), one value for every code."""
    for batch, components, latent_dim in SIZES:
        mixture = Mixture.drawn(draw, components, latent_dim)
        is_right(density(student, mixture, draw.normal(batch, latent_dim, scale=1.5)), mixture)
    narrow = Mixture.drawn(draw, 3, 2).changed(log_var=draw.uniform(3, 2, low=-NARROW, high=NARROW))
    is_right(density(student, narrow, narrow.loc + 0.01 * draw.normal(3, 2)), narrow)
    narrow = narrow.changed(log_var=torch.full_like(narrow.log_var, -9.0))
    is_right(density(student, narrow, narrow.loc + 0.01), narrow)


@worth("mixture_log_prob")
def test_mixture_log_prob_broadcasts_over_samples(student, draw):
    """With z of shape (K, B, D) it returns (K, B), also where K, B, D and the number of components are equal."""
    for samples, batch, latent_dim in SAMPLES:
        mixture, z = Mixture.drawn(draw, 4, latent_dim), draw.normal(samples, batch, latent_dim)
        question = density(student, mixture, z)
        is_right(question, mixture, also=slices(question.owner().log_prob, z, (batch,)))


@worth("mixture_log_prob")
def test_mixture_log_prob_integrates_to_one(student, draw):
    """The density integrates to one, in one and in two latent dimensions."""
    for latent_dim, points in ((1, 801), (2, 321)):
        mixture = Mixture.drawn(draw, 3, latent_dim)
        integrates_to_one(functools.partial(density, student, mixture), latent_dim, points)


@worth("mixture_log_prob")
def test_mixture_log_prob_depends_on_what_logits_and_components_mean(student, draw):
    """Adding one number to all logits changes nothing, nor does another order of the components."""
    mixture, z = Mixture.drawn(draw, 4, 2), draw.normal(5, 2)
    order = torch.tensor([2, 0, 3, 1])
    shifted = mixture.changed(logits=mixture.logits + draw.uniform(low=1.0, high=3.0))
    ordered = Mixture(*(value[order] for value in mixture.parameters.values()))
    question = density(student, mixture, z)
    first, *others = (density(student, m, z).is_like((5,), z.dtype, todo=CODES) for m in (mixture, shifted, ordered))
    question.is_varied(first)
    for got, what in zip(others, ("the logits have grown by one number", "the components are reordered"), strict=True):
        if not expect.equal(got, first):
            todo = "Are the weights a softmax?"
            raise question.wrong(f"the same values after {what}", "others", todo, question.hint(first))


@worth("mixture_log_prob")
def test_mixture_log_prob_is_exact_for_extreme_logits(student, draw):
    """A component of a very small weight still rules the density where no other one reaches, in float64 and
    float32."""
    for dtype in (torch.float64, torch.float32):
        for logits in ([0.0, -40.0], [300.0, 230.0]):
            mixture = Mixture.drawn(draw, 2, 2, dtype)
            far = mixture.loc[:1] + 60 * torch.tensor([1.0, -1.0], dtype=dtype)
            mixture = mixture.changed(logits=torch.tensor(logits, dtype=dtype), loc=torch.cat([mixture.loc[:1], far]))
            z = far + draw.normal(4, 2, scale=0.5, dtype=dtype)
            is_right(density(student, mixture, z), mixture, any_dtype=True)


@worth("mixture_log_prob")
def test_mixture_log_prob_is_exact_far_away(student, draw):
    """It is finite and exact a thousand standard deviations away from all components, where every density underflows
    to zero."""
    for dtype in (torch.float64, torch.float32):
        mixture, z = Mixture.drawn(draw, 3, 2, dtype), draw.normal(4, 2, scale=200.0, shift=1000.0, dtype=dtype)
        todo = "Densities round to zero here: stay with logarithms."
        is_right(density(student, mixture, z), mixture, todo=todo, any_dtype=True)


@worth("mixture_log_prob", kind=Kind.GRADIENT)
def test_mixture_log_prob_passes_gradients(student, draw):
    """The gradient reaches z, logits, loc and log_var."""
    mixture, z = Mixture.drawn(draw, 3, 2), draw.normal(2, 5, 2)
    question = density(student, mixture, z)
    is_right(question, mixture)
    has_gradients(question, mixture.parameters, lambda z, p: Mixture(**p).log_prob(z), draw)


@worth("mixture_log_prob", kind=Kind.CARE)
def test_mixture_log_prob_keeps_float32(student, draw):
    """Parameters and codes in float32 give a result in float32."""
    mixture, z = Mixture.drawn(draw, 3, 4, torch.float32), draw.normal(5, 4, dtype=torch.float32)
    own = rounded(density(student, mixture.double(), z.double()).answer, z.shape[:-1])
    is_right(density(student, mixture, z), mixture, also=own)


@worth("mixture_log_prob")
def test_mixture_prior_has_its_parameters(student, draw):
    """MixturePrior(num_components, latent_dim) has the parameters logits (C,), loc (C, D) and log_var (C, D), and its
    components differ from the start."""
    asked = "MixturePrior(num_components=4, latent_dim=3)"
    prior = student.new("MixturePrior", num_components=4, latent_dim=3)
    found = has_parameters(prior, {"logits": (4,), "loc": (4, 3), "log_var": (4, 3)}, asked)
    rows = torch.cat([found["loc"], found["log_var"]], 1)
    if any(torch.equal(rows[i], rows[j]) for i in range(4) for j in range(i)):
        expected = "components that differ from each other"
        raise Wrong(asked, expected, "some that are equal", "", sentences.COMPONENTS_EQUAL)


@worth("mixture_log_prob", kind=Kind.CARE)
def test_mixture_log_prob_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither z nor the prior."""
    z, mixture = draw.normal(5, 2), Mixture.drawn(draw, 3, 2)
    question = density(student, mixture, z)
    is_tidy(question, lambda: is_right(question, mixture))


def density(student: Student, mixture: Mixture, z: torch.Tensor) -> Question:
    question = shared.density(lambda student: mixture_at(student, mixture), "mixture_log_prob", z, student)
    return question.adding(f"{len(mixture.logits)} components")


def is_right(
    question: Question,
    mixture: Mixture,
    also: Iterable[torch.Tensor] = (),
    todo: str = "",
    any_dtype: bool = False,
) -> None:
    """Demand the log-density; `any_dtype`: float64 is right, too, where float32 is asked, which is judged apart."""
    (z,), got = question.arguments.values(), question.answer()
    if any_dtype and isinstance(got, torch.Tensor) and got.dtype == torch.float64:
        got = got.to(z.dtype)
    question.equals(
        mixture.double().log_prob(z.double()).to(z.dtype),
        got=got,
        also=also,
        todo=todo,
        shape="One value for every code: components and latent dimensions are summed over, nothing else.",
    )
