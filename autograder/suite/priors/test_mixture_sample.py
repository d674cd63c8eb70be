"""Hidden tests of mixture_sample."""

import torch

from autograder.judging import expect, statistics
from autograder.judging.expect import Wrong, call
from autograder.judging.mistakes import SAID
from autograder.judging.rubric import worth
from autograder.suite.asking import check_generator
from autograder.suite.priors.shared import ENOUGH, check_sample, mixture_prior, sampled
from autograder.suite.priors.truth import Mixture


@worth("mixture_sample", 3)
def test_mixture_sample_draws_components_by_their_weights(student, draw):
    """Every code comes from one of the components, each with its weight (chi-square at a false-alarm rate of 1e-9)."""
    mixture = Mixture.apart(draw, 4, 2)
    got, asked = sampled(mixture_prior(student, mixture), mixture.loc.shape[1], draw)
    component, noise = mixture.standardized(got)
    if bool((noise.abs() > 12).any()):
        raise Wrong(
            asked,
            "codes that lie at one of the components",
            "some between them or elsewhere",
            "",
            SAID["components_averaged"],
        )
    counts = torch.bincount(component, minlength=4).double()
    weights = torch.softmax(mixture.logits, 0)
    hint = SAID["one_component"] if int((counts > 0).sum()) == 1 else ""
    hint = SAID["components_uniform"] if statistics.counts_agree(counts, torch.full_like(weights, 0.25)) else hint
    finding = statistics.counts_agree(counts, weights)
    expect.agrees(finding, asked=asked, expected="components in proportion to their weights", got="others", hint=hint)


@worth("mixture_sample", 3)
def test_mixture_sample_draws_from_the_component(student, draw):
    """Around its component's loc a code is normal with variances exp log_var, independently in every dimension (DKW
    bound at 1e-9)."""
    for components, latent_dim in ((3, 2), (1, 3)):
        mixture = Mixture.apart(draw, components, latent_dim)
        got, asked = sampled(mixture_prior(student, mixture), mixture.loc.shape[1], draw)
        component, noise = mixture.standardized(got)
        width = torch.exp(mixture.log_var[component] / 2)
        hint = SAID["components_averaged"] if bool((noise.abs() > 12).any()) else ""
        hint = SAID["variance_as_std"] if statistics.standard_normal(noise / width) else hint
        hint = SAID["width_ignored"] if statistics.standard_normal(noise * width) else hint
        hint = SAID["noise_missing"] if bool((noise.abs() < 1e-3).all()) else hint
        hint = SAID["noise_shared"] if bool((noise.std(0) < 1e-3).all()) and not hint else hint
        hint = SAID["noise_shared"] if latent_dim > 1 and torch.allclose(noise, noise[:, :1]) and not hint else hint
        expected = "codes that are normal around the component's loc, with its variances"
        expect.agrees(
            statistics.standard_normal(noise, statistics.ALPHA / 2),
            asked=asked,
            expected=expected,
            got="another distribution",
            hint=hint,
        )


@worth("mixture_sample")
def test_mixture_sample_draws_codes_independently(student, draw):
    """Codes that follow each other share neither component nor noise (Chernoff bound at 1e-9)."""
    mixture = Mixture.apart(draw, 4, 2)
    got, asked = sampled(mixture_prior(student, mixture), mixture.loc.shape[1], draw)
    component, noise = mixture.standardized(got)
    expect.varied(noise, asked=asked)
    alike = (component[0::2] == component[1::2]).sum()[None]
    chance = (torch.softmax(mixture.logits, 0) ** 2).sum()[None]
    if len(component.unique()) > 1 and float(alike) > float(chance) * ENOUGH // 2:
        finding = statistics.proportions_are(alike, chance, ENOUGH // 2, statistics.ALPHA / 2)
        expected, came = "two neighbours to share their component as often as chance has it", "more often"
        expect.agrees(finding, asked=asked, expected=expected, got=came, hint=SAID["components_sorted"])
    same_side = ((noise[0::2] > 0) == (noise[1::2] > 0)).double().sum(0)
    half = torch.full((2,), 0.5, dtype=torch.float64)
    finding = statistics.proportions_are(same_side, half, ENOUGH // 2, statistics.ALPHA / 2)
    expected, came = "the noise of two neighbours to have one sign half of the time", "another share"
    hint = SAID["components_averaged"] if bool((noise.abs() > 12).any()) else SAID["noise_shared"]
    expect.agrees(finding, asked=asked, expected=expected, got=came, hint=hint)


@worth("mixture_sample", 2)
def test_mixture_sample_follows_its_generator(student, draw):
    """A generator makes components and noise reproducible, another seed gives others, and torch's global generator is
    left alone."""
    for mixture in (Mixture.apart(draw, 4, 2), Mixture.apart(draw, 1, 3)):
        prior, shape = mixture_prior(student, mixture), (50, mixture.loc.shape[1])
        asked = call("prior.sample", n=50, generator=...)
        check_generator(student, lambda g, p=prior: p.sample(50, generator=g), draw.seed(), shape, asked)


@worth("mixture_sample")
def test_mixture_sample_leaves_its_surroundings_alone(student, draw):
    """prior.sample(n) returns (n, D) in the parameters' dtype without gradient, also for n = 1, prints nothing and does
    not change the prior."""
    for n, components, latent_dim, dtype in ((1, 3, 2, torch.float64), (5, 2, 1, torch.float32)):
        prior = mixture_prior(student, Mixture.drawn(draw, components, latent_dim, dtype))
        check_sample(student, prior, n, latent_dim, dtype, draw)
