"""Hidden tests of mixture_sample."""

import torch

from autograder.judging import sentences, statistics
from autograder.judging.draw import Draw
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.suite.priors import shared
from autograder.suite.priors.shared import ENOUGH, many_codes, mixture_at, sample_is_tidy
from autograder.suite.priors.truth import Mixture
from autograder.suite.question import Question


@worth("mixture_sample", 3)
def test_mixture_sample_draws_components_by_their_weights(student, draw):
    """Every code comes from one of the components, each with its weight (chi-square at a false-alarm rate of 1e-9)."""
    mixture = Mixture.apart(draw, 4, 2)
    question, component, noise = standardized(student, mixture, draw)
    if lie_elsewhere(noise):
        came = "some between them or elsewhere"
        raise question.wrong("codes that lie at one of the components", came, hint=sentences.COMPONENTS_AVERAGED)
    counts = torch.bincount(component, minlength=4).double()
    weights = torch.softmax(mixture.logits, 0)
    hint = sentences.ONE_COMPONENT if int((counts > 0).sum()) == 1 else ""
    hint = sentences.COMPONENTS_UNIFORM if statistics.counts_agree(counts, torch.full_like(weights, 0.25)) else hint
    finding = statistics.counts_agree(counts, weights)
    question.agrees(finding, "components in proportion to their weights", "others", hint=hint)


@worth("mixture_sample", 3)
def test_mixture_sample_draws_from_the_component(student, draw):
    """Around its component's loc a code is normal with variances exp log_var, independently in every dimension (DKW
    bound at 1e-9)."""
    for components, latent_dim in ((3, 2), (1, 3)):
        mixture = Mixture.apart(draw, components, latent_dim)
        question, component, noise = standardized(student, mixture, draw)
        width = torch.exp(mixture.log_var[component] / 2)
        hint = sentences.COMPONENTS_AVERAGED if lie_elsewhere(noise) else ""
        hint = sentences.VARIANCE_AS_STD if statistics.standard_normal(noise / width) else hint
        hint = sentences.WIDTH_IGNORED if statistics.standard_normal(noise * width) else hint
        hint = sentences.NOISE_MISSING if bool((noise.abs() < 1e-3).all()) else hint
        hint = sentences.NOISE_SHARED if bool((noise.std(0) < 1e-3).all()) and not hint else hint
        hint = sentences.NOISE_SHARED if latent_dim > 1 and torch.allclose(noise, noise[:, :1]) and not hint else hint
        finding = statistics.standard_normal(noise, statistics.ALPHA / 2)
        expected = "codes that are normal around the component's loc, with its variances"
        question.agrees(finding, expected, "another distribution", hint=hint)


@worth("mixture_sample")
def test_mixture_sample_draws_codes_independently(student, draw):
    """Codes that follow each other share neither component nor noise (Chernoff bound at 1e-9)."""
    mixture = Mixture.apart(draw, 4, 2)
    question, component, noise = standardized(student, mixture, draw)
    question.is_varied(noise)
    alike = (component[0::2] == component[1::2]).sum()[None]
    chance = (torch.softmax(mixture.logits, 0) ** 2).sum()[None]
    if len(component.unique()) > 1 and float(alike) > float(chance) * ENOUGH // 2:
        finding = statistics.proportions_are(alike, chance, ENOUGH // 2, statistics.ALPHA / 2)
        expected = "two neighbours to share their component as often as chance has it"
        question.agrees(finding, expected, "more often", hint=sentences.COMPONENTS_SORTED)
    same_side = ((noise[0::2] > 0) == (noise[1::2] > 0)).double().sum(0)
    half = torch.full((2,), 0.5, dtype=torch.float64)
    finding = statistics.proportions_are(same_side, half, ENOUGH // 2, statistics.ALPHA / 2)
    hint = sentences.COMPONENTS_AVERAGED if lie_elsewhere(noise) else sentences.NOISE_SHARED
    expected = "the noise of two neighbours to have one sign half of the time"
    question.agrees(finding, expected, "another share", hint=hint)


@worth("mixture_sample", 2, Kind.CARE)
def test_mixture_sample_follows_its_generator(student, draw):
    """A generator makes components and noise reproducible, another seed gives others, and torch's global generator is
    left alone."""
    for mixture in (Mixture.apart(draw, 4, 2), Mixture.apart(draw, 1, 3)):
        shape = (50, mixture.loc.shape[1])
        sample(student, mixture, 50).follows_its_generator(draw.seed(), lambda q, shape=shape: q.is_like(shape))


@worth("mixture_sample", kind=Kind.CARE)
def test_mixture_sample_leaves_its_surroundings_alone(student, draw):
    """prior.sample(n) returns (n, D) in the parameters' dtype without gradient, also for n = 1, prints nothing and does
    not change the prior."""
    for n, components, latent_dim, dtype in ((1, 3, 2, torch.float64), (5, 2, 1, torch.float32)):
        mixture = Mixture.drawn(draw, components, latent_dim, dtype)
        sample_is_tidy(sample(student, mixture, n), latent_dim, dtype, draw)


def sample(student: Student, mixture: Mixture, n: int, seed: int | None = None) -> Question:
    return shared.sample(lambda student: mixture_at(student, mixture), "mixture_sample", n, student, seed)


def standardized(student: Student, mixture: Mixture, draw: Draw) -> tuple[Question, torch.Tensor, torch.Tensor]:
    """Return the question for many codes, the component that each comes from, and its noise: see `Mixture.standardized`."""
    question = sample(student, mixture, ENOUGH, draw.seed())
    return question, *mixture.standardized(many_codes(question, mixture.loc.shape[1]))


def lie_elsewhere(noise: torch.Tensor) -> bool:
    """Return whether some codes belong to no component."""
    return bool((noise.abs() > 12).any())
