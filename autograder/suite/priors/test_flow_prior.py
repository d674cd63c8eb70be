"""Hidden tests of flow_prior."""

import functools
from collections.abc import Callable, Iterable, Sequence

import torch

from autograder.judging import expect, mistakes, oracles, statistics
from autograder.judging.expect import Wrong, attempt, call
from autograder.judging.mistakes import SAID
from autograder.judging.rubric import worth
from autograder.kernel.failures import StudentError
from autograder.kernel.remote import Handle, Student
from autograder.suite.asking import check_generator
from autograder.suite.priors import public
from autograder.suite.priors.shared import (
    ENOUGH,
    SAMPLES,
    bends,
    both,
    check_gradients,
    check_mass,
    check_sample,
    check_tidy,
    flow_prior,
    part,
    sampled,
    settled,
    slices,
    untidy,
)
from autograder.suite.priors.test_planar_flow import test_planar_flow_passes_gradients
from autograder.suite.priors.truth import Flow

Layer = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]  # v -> (f(v), log|det|)


def check_flow(student: Student, flow: Flow, z: torch.Tensor, also: Iterable[torch.Tensor] = ()) -> None:
    """Compare a flow's log-density with the formula, or with what the student's own layers make of it."""
    prior = flow_prior(student, flow)

    def others():
        yield from also
        more = torch.cat([z, z + 1], -2)  # one code alone cannot show that the values differ
        own = settled(lambda: composed(own_layers(prior, len(flow.layers)), more))
        if own is not None:
            yield own[..., : z.shape[-2]]

    expect.close(
        prior.log_prob(z),
        flow.log_prob(z),
        asked=call("prior.log_prob", z=z) + f", {len(flow.layers)} layers",
        also=others(),
        hint=lambda got: mistakes.underflown(got) or flow_hint(got, flow, prior, z),
        todo="Follow z through the layers to the noise: which density is known there?",
        example=lambda: public.example(student, "flow_prior"),
        shape_todo="One value for every code.",
    )


def flow_hint(got: object, flow: Flow, prior: Handle, z: torch.Tensor) -> str:
    """Return what is known about an answer, made of right layers or of the student's own."""
    own = own_layers(prior, len(flow.layers))
    return mistakes.recognise("flow_prior", got, flow.layers, z) or mistakes.recognise("flow_prior", got, own, z)


def own_layers(prior: Handle, count: int) -> list[Layer]:
    """Return the layers of a student's prior; they raise ValueError where the student's return no two tensors."""

    def layer(i: int) -> Layer:
        def run(v):
            try:
                moved_to, log_det = both(prior.attribute(f"layers.{i}")(v), call("flow", v=v))
            except (StudentError, Wrong) as error:
                raise ValueError(str(error)) from None
            if not isinstance(moved_to, torch.Tensor) or not isinstance(log_det, torch.Tensor):
                raise ValueError(f"{expect.described(moved_to)}, {expect.described(log_det)}")
            return moved_to.detach(), log_det.detach()

        return run

    return [layer(i) for i in range(count)]


def through(layers: Sequence[Layer], v: torch.Tensor) -> torch.Tensor:
    """Return where the layers take v, one after the other."""
    for layer in layers:
        v = layer(v)[0]
    return v


def composed(layers: Sequence[Layer], z: torch.Tensor) -> torch.Tensor:
    """Return the log-density that layers from z to noise lead to."""
    volume = torch.zeros(z.shape[:-1], dtype=z.dtype)
    for layer in layers:
        z, log_det = layer(z)
        volume = volume + log_det
    return oracles.gaussian_log_prob(z, torch.zeros_like(z), torch.zeros_like(z)) + volume


@worth("flow_prior", 3)
def test_flow_log_prob_is_the_log_density(student, draw):
    """log p(z) is log N(f(z); 0, I) plus the layers' log|det|, f running through layers[0] first."""
    for (batch, latent_dim), flows in zip(((1, 3), (5, 3), (4, 4), (6, 1)), (2, 3, 1, 2), strict=True):
        check_flow(student, Flow.drawn(draw, flows, latent_dim), draw.normal(batch, latent_dim))
    check_flow(student, Flow.drawn(draw, 2, 2), draw.normal(4, 2, scale=60.0))  # where densities round to zero


@worth("flow_prior")
def test_flow_log_prob_broadcasts_over_samples(student, draw):
    """With z of shape (K, B, D) it returns (K, B), also where K = 1 or K = B = D."""
    for samples, batch, latent_dim in SAMPLES:
        flow, z = Flow.drawn(draw, 2, latent_dim), draw.normal(samples, batch, latent_dim)
        check_flow(student, flow, z, also=slices(flow_prior(student, flow).log_prob, z, (batch,)))


@worth("flow_prior", 2)
def test_flow_log_prob_integrates_to_one(student, draw):
    """The density integrates to one, in one and in two latent dimensions: whichever way the layers are read, they are
    read one way."""
    for latent_dim, points in ((1, 801), (2, 321)):
        flow = Flow.drawn(draw, 2, latent_dim)
        prior = flow_prior(student, flow)

        def hint(got, z, flow=flow, prior=prior):
            return flow_hint(got, flow, prior, z)

        check_mass(prior, latent_dim, points, hint, own=lambda z, p=prior: composed(own_layers(p, 2), z))


@worth("flow_prior", 3)
def test_flow_sample_follows_its_density(student, draw):
    """Sampling inverts the layers, the last one first: run through them, samples are standard normal noise (DKW bound
    at 1e-9)."""
    flow = Flow.drawn(draw, 2, 2)
    prior = flow_prior(student, flow)
    got, asked = sampled(prior, 2, draw)
    if statistics.standard_normal(flow.to_noise(got.double())):
        return
    layers = own_layers(prior, 2)
    own = settled(lambda: through(layers, got))
    if own is not None and bends(got, own) and statistics.standard_normal(own):
        return
    noise = draw.normal(ENOUGH, 2)
    undone = attempt(lambda: prior.attribute("layers.0").inverse(prior.attribute("layers.1").inverse(noise)))
    if (
        isinstance(undone, torch.Tensor)
        and undone.shape == noise.shape
        and statistics.same_distribution(got, undone.detach())
    ):
        return
    forward = [through(way, noise) for way in (flow.layers, flow.layers[::-1])]
    forward += [own] if (own := settled(lambda: through(layers, noise))) is not None else []
    in_order = flow.layers[1].inverse(flow.layers[0].inverse(noise))
    hint = SAID["sampled_in_order"] if statistics.same_distribution(got, in_order) else ""
    hint = SAID["sampled_forward"] if any(statistics.same_distribution(got, other) for other in forward) else hint
    hint = SAID["sampled_noise"] if statistics.standard_normal(got) else hint
    raise Wrong(asked, "samples that the layers map to standard normal noise", "others", "", hint)


@worth("flow_prior")
def test_flow_sample_follows_its_generator(student, draw):
    """A generator makes it reproducible, another seed gives another sample, and torch's global generator is left
    alone."""
    prior = flow_prior(student, Flow.drawn(draw, 2, 3))
    asked = call("prior.sample", n=50, generator=...)
    check_generator(student, lambda g: prior.sample(50, generator=g), draw.seed(), (50, 3), asked)


@worth("flow_prior")
def test_flow_log_prob_passes_gradients(student, draw):
    """The gradient reaches z and the parameters of all layers."""
    flow, z = Flow.drawn(draw, 3, 2), draw.normal(4, 2)
    prior = flow_prior(student, flow)
    check_flow(student, flow, z)
    try:
        check_gradients(student, prior, "log_prob", flow.parameters, lambda z, p: Flow.of(p).log_prob(z), draw, z=z)
    except Wrong:
        try:
            test_planar_flow_passes_gradients(student, draw)
        except (StudentError, Wrong):
            return  # the layers cut the graph already, and pay for it there
        raise


@worth("flow_prior")
def test_flow_prior_has_its_layers(student, draw):
    """FlowPrior(num_flows, latent_dim) has a list `layers` of num_flows planar layers, each with parameters of its
    own."""
    asked = "FlowPrior(num_flows=3, latent_dim=2)"
    prior = student.new("FlowPrior", num_flows=3, latent_dim=2)
    shapes = {name: tuple(value.shape) for name, value in prior.state().parameters.items()}
    names = [f"layers.{i}.{name}" for i in range(3) for name in ("u", "w", "b")]
    missing = [name for name in names if name not in shapes]
    if missing:
        hint = SAID["layer_shared"] if set(missing) == set(names[3:]) else ""
        todo = "Keep PlanarFlow layers in an nn.ModuleList, which tells the prior about their parameters."
        raise Wrong(asked, "the parameters u, w and b of layers 0 to 2", f"no {', '.join(missing[:3])}", todo, hint)
    if any(name.startswith("layers.3.") for name in shapes):
        raise Wrong(asked, "three layers", "more", "num_flows counts the layers.")
    prior.attribute("layers.0").load({"u": torch.ones(2)})
    if torch.equal(prior.state().parameters["layers.1.u"].detach(), torch.ones(2)):
        raise Wrong(asked, "layers with parameters of their own", "layers that share them", "", SAID["layer_shared"])


@worth("flow_prior")
def test_flow_prior_leaves_its_surroundings_alone(student, draw):
    """log_prob and sample print nothing, change neither z nor the prior, and answer in the parameters' dtype, also for
    n = 1."""
    for n, flows, latent_dim, dtype in ((1, 2, 2, torch.float64), (5, 1, 3, torch.float32)):
        flow = Flow.drawn(draw, flows, latent_dim, dtype)
        prior, z = flow_prior(student, flow), draw.normal(5, latent_dim, dtype=dtype)
        layer = prior.attribute("layers.0")
        blamed = any(untidy(student, layer, method, z) for method in ("", "inverse"))
        double = attempt(lambda layer=layer, z=z: part(layer, z, 0))
        kept = isinstance(double, torch.Tensor) and double.dtype == dtype
        right = functools.partial(check_flow, student, flow.double(), z.double())
        dtype_kept = dtype if kept else None
        check_tidy(student, prior, "log_prob", "prior.log_prob", right=right, blamed=blamed, dtype=dtype_kept, z=z)
        back = attempt(lambda layer=layer, z=z: layer.inverse(z))
        kept = not isinstance(back, torch.Tensor) or back.dtype == dtype
        check_sample(student, prior, n, latent_dim, dtype if kept else None, draw, blamed=blamed)
