"""Hidden tests of flow_prior."""

import functools
from collections.abc import Iterable

import torch

from autograder.judging import sentences, statistics
from autograder.judging.expect import Wrong, attempt, underflown
from autograder.judging.rubric import worth
from autograder.kernel.failures import StudentError
from autograder.kernel.remote import Handle, Student
from autograder.reporting.points import Kind
from autograder.suite.priors import layer, shared
from autograder.suite.priors.follow import (
    bends,
    composed,
    layers_are_infinite,
    own_forward,
    own_layers,
    part,
    settled,
    slices,
    through,
    untidy,
)
from autograder.suite.priors.shared import (
    ENOUGH,
    SAMPLES,
    flow_at,
    has_gradients,
    integrates_to_one,
    is_tidy,
    many_codes,
    sample_is_tidy,
)
from autograder.suite.priors.truth import Flow
from autograder.suite.question import Question


@worth("flow_prior", 3, part="log_prob")
def test_flow_log_prob_is_the_log_density(student, draw):
    """log p(z) is log N(f(z); 0, I) plus the layers' log|det|, f running through layers[0] first."""
    for (batch, latent_dim), flows in zip(((1, 3), (5, 3), (4, 4), (6, 1)), (2, 3, 1, 2), strict=True):
        flow = Flow.drawn(draw, flows, latent_dim)
        is_right(density(student, flow, draw.normal(batch, latent_dim)), flow)
    flow = Flow.drawn(draw, 2, 2)
    is_right(density(student, flow, draw.normal(4, 2, scale=60.0)), flow)  # where densities round to zero


@worth("flow_prior", part="log_prob")
def test_flow_log_prob_broadcasts_over_samples(student, draw):
    """With z of shape (K, B, D) it returns (K, B), also where K = 1 or K = B = D."""
    for samples, batch, latent_dim in SAMPLES:
        flow, z = Flow.drawn(draw, 2, latent_dim), draw.normal(samples, batch, latent_dim)
        question = density(student, flow, z)
        is_right(question, flow, also=slices(question.owner().log_prob, z, (batch,)))


@worth("flow_prior", 2, part="log_prob")
def test_flow_log_prob_integrates_to_one(student, draw):
    """The density integrates to one, in one and in two latent dimensions: whichever way the layers are read, they are
    read one way."""
    for latent_dim, points in ((1, 801), (2, 321)):
        flow = Flow.drawn(draw, 2, latent_dim)
        layers = own_layers(flow_at(student, flow), 2)
        own = functools.partial(composed, layers)
        integrates_to_one(functools.partial(density, student, flow), latent_dim, points, own)


@worth("flow_prior", 3, part="sample")
def test_flow_sample_follows_its_density(student, draw):
    """Sampling inverts the layers, the last one first: run through them, samples are standard normal noise (DKW bound
    at 1e-9)."""
    flow = Flow.drawn(draw, 2, 2)
    question = sample(student, flow, ENOUGH, draw.seed())
    prior, got = question.owner(), many_codes(question, 2)
    if statistics.standard_normal(flow.to_noise(got)):
        return
    layers = own_layers(prior, 2)
    own = settled(lambda: through(layers, got))
    if own is not None and bends(got, own) and statistics.standard_normal(own):
        return
    noise = draw.normal(ENOUGH, 2)
    undone = attempt(lambda: prior.attribute("layers.0").inverse(prior.attribute("layers.1").inverse(noise)))
    right = isinstance(undone, torch.Tensor) and undone.shape == noise.shape
    if right and statistics.same_distribution(got, undone.detach()):
        return
    forward = [through(way, noise) for way in (flow.layers, flow.layers[::-1])]
    forward += [own] if (own := settled(lambda: through(layers, noise))) is not None else []
    in_order = flow.layers[1].inverse(flow.layers[0].inverse(noise))
    hint = sentences.SAMPLED_IN_ORDER if statistics.same_distribution(got, in_order) else ""
    hint = sentences.SAMPLED_FORWARD if any(statistics.same_distribution(got, other) for other in forward) else hint
    hint = sentences.SAMPLED_NOISE if statistics.standard_normal(got) else hint
    raise question.wrong("samples that the layers map to standard normal noise", "others", hint=hint)


@worth("flow_prior", kind=Kind.CARE, part="sample")
def test_flow_sample_follows_its_generator(student, draw):
    """A generator makes it reproducible, another seed gives another sample, and torch's global generator is left
    alone."""
    question = sample(student, Flow.drawn(draw, 2, 3), 50)
    question.follows_its_generator(draw.seed(), lambda question: question.is_like((50, 3)))


@worth("flow_prior", kind=Kind.GRADIENT, part="log_prob")
def test_flow_log_prob_passes_gradients(student, draw):
    """The gradient reaches z and the parameters of all layers."""
    flow, z = Flow.drawn(draw, 3, 2), draw.normal(4, 2)
    question = density(student, flow, z)
    is_right(question, flow)
    try:
        has_gradients(question, flow.parameters, lambda z, p: Flow.of(p).log_prob(z), draw)
    except Wrong:
        try:
            layer.passes_gradients(student, draw)
        except (StudentError, Wrong):
            return  # the layers cut the graph already, and pay for it there
        raise


@worth("flow_prior", part="log_prob")
def test_flow_prior_has_its_layers(student, draw):
    """FlowPrior(num_flows, latent_dim) has a list `layers` of num_flows planar layers, each with parameters of its
    own."""
    asked = "FlowPrior(num_flows=3, latent_dim=2)"
    prior = student.new("FlowPrior", num_flows=3, latent_dim=2)
    shapes = {name: tuple(value.shape) for name, value in prior.state().parameters.items()}
    names = [f"layers.{i}.{name}" for i in range(3) for name in ("u", "w", "b")]
    missing = [name for name in names if name not in shapes]
    if missing:
        hint = sentences.LAYER_SHARED if set(missing) == set(names[3:]) else ""
        todo = "Keep PlanarFlow layers in an nn.ModuleList, which tells the prior about their parameters."
        raise Wrong(asked, "the parameters u, w and b of layers 0 to 2", f"no {', '.join(missing[:3])}", todo, hint)
    if any(name.startswith("layers.3.") for name in shapes):
        raise Wrong(asked, "three layers", "more", "num_flows counts the layers.")
    prior.attribute("layers.0").load({"u": torch.ones(2)})
    if torch.equal(prior.state().parameters["layers.1.u"].detach(), torch.ones(2)):
        raise Wrong(asked, "layers with parameters of their own", "layers that share them", "", sentences.LAYER_SHARED)


@worth("flow_prior", kind=Kind.CARE, part="log_prob")
def test_flow_prior_leaves_its_surroundings_alone(student, draw):
    """log_prob and sample print nothing, change neither z nor the prior, and answer in the parameters' dtype, also for
    n = 1."""
    for n, flows, latent_dim, dtype in ((1, 2, 2, torch.float64), (5, 1, 3, torch.float32)):
        flow = Flow.drawn(draw, flows, latent_dim, dtype)
        z = draw.normal(5, latent_dim, dtype=dtype)
        question, codes = density(student, flow, z), sample(student, flow, n)
        first = question.owner().attribute("layers.0")
        blamed = any(untidy(student, first, method, z) for method in ("", "inverse"))
        is_tidy(question, functools.partial(right_in_double, student, flow, z), blamed, kept(first, z, dtype))
        back = attempt(lambda first=first, z=z: first.inverse(z))
        wrong = isinstance(back, torch.Tensor) and back.dtype != dtype
        sample_is_tidy(codes, latent_dim, None if wrong else dtype, draw, blamed)


def density(student: Student, flow: Flow, z: torch.Tensor) -> Question:
    def build(student: Student) -> Handle:
        return flow_at(student, flow)

    question = shared.density(build, "flow_prior", z, student).adding(f"{len(flow.layers)} layers")
    prior = question.owner()
    return question.behind({"PlanarFlow.forward": own_forward(prior, flow)}).looking(
        lambda got: "" if layers_are_infinite(prior, len(flow.layers), z) else underflown(got)
    )


def sample(student: Student, flow: Flow, n: int, seed: int | None = None) -> Question:
    return shared.sample(lambda student: flow_at(student, flow), "flow_prior", n, student, seed)


def is_right(question: Question, flow: Flow, also: Iterable[torch.Tensor] = ()) -> None:
    """Demand the log-density by the formula, or by what the student's own layers make of it."""
    (z,) = question.arguments.values()

    def others():
        yield from also
        more = torch.cat([z, z + 1], -2)  # one code alone cannot show that the values differ
        own = settled(lambda: composed(own_layers(question.owner(), len(flow.layers)), more))
        if own is not None:
            yield own[..., : z.shape[-2]]

    todo = "Follow z through the layers to the noise: which density is known there?"
    question.equals(flow.log_prob(z), also=others(), todo=todo, shape="One value for every code.")


def right_in_double(student: Student, flow: Flow, z: torch.Tensor) -> None:
    is_right(density(student, flow.double(), z.double()), flow.double())


def kept(first: Handle, z: torch.Tensor, dtype: torch.dtype) -> torch.dtype | None:
    """Return the dtype, where the student's own layer keeps it: where not, that is judged with the layer."""
    moved_to = attempt(lambda: part(first, z, 0))
    return dtype if isinstance(moved_to, torch.Tensor) and moved_to.dtype == dtype else None
