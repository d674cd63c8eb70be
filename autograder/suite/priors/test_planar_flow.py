"""Hidden tests of planar_flow."""

import functools

import torch

from autograder.judging import expect, mistakes
from autograder.judging.expect import Wrong, call
from autograder.judging.mistakes import SAID
from autograder.judging.rubric import worth
from autograder.suite.priors.shared import (
    POINTS,
    SAMPLES,
    answer,
    bends,
    check_gradients,
    check_layer,
    check_parameters,
    check_tidy,
    own_volume,
    part,
    planar_flow,
    rounded,
    slices,
)
from autograder.suite.priors.truth import Planar


@worth("planar_flow", 3)
def test_planar_flow_moves_points(student, draw):
    """f(v) = v + û tanh(wᵀv + b), û being u moved along w so that wᵀû = softplus(wᵀu) - 1 (Rezende and Mohamed 2015,
    appendix A)."""
    for (batch, latent_dim), along in zip(POINTS, (2.0, -3.0, None, -1.0), strict=True):
        layer, v = Planar.drawn(draw, latent_dim, along), draw.normal(batch, latent_dim)
        check_layer(student, layer, v, parts=(0,))


@worth("planar_flow", 3)
def test_planar_flow_returns_its_change_of_volume(student, draw):
    """The second result is log|det ∂f/∂v|, one value for every point: that of the Jacobian matrix of f."""
    for batch, latent_dim in POINTS:
        layer, v = Planar.drawn(draw, latent_dim), draw.normal(batch, latent_dim)
        flow = planar_flow(student, layer)
        check_layer(student, layer, v, parts=(1,), also=(None, own_volume(flow, v)))


@worth("planar_flow")
def test_planar_flow_broadcasts_over_samples(student, draw):
    """With v of shape (K, B, D) it returns (K, B, D) and (K, B), also where K = 1 or K = B = D."""
    for samples, batch, latent_dim in SAMPLES:
        layer, v = Planar.drawn(draw, latent_dim), draw.normal(samples, batch, latent_dim)
        flow = planar_flow(student, layer)
        own = [slices(lambda v, i=i, flow=flow: part(flow, v, i), v, s) for i, s in enumerate((v.shape[1:], (batch,)))]
        check_layer(student, layer, v, also=own)


@worth("planar_flow", 2)
def test_planar_flow_is_invertible_for_all_parameters(student, draw):
    """Along w the output only ever grows, however far wᵀu lies below -1: no two points are mapped to one."""
    for latent_dim, along in ((1, -4.0), (3, -3.0), (2, -8.0)):
        layer = Planar.drawn(draw, latent_dim, along)
        steps = torch.linspace(-6, 6, 601, dtype=torch.float64)
        v = draw.normal(latent_dim) + (steps[:, None] - layer.b) * layer.w / (layer.w @ layer.w)
        asked = call("flow", v=v) + f", wᵀu = {along:g}, v along w"
        moved_to, _ = answer(planar_flow(student, layer), v, asked)
        if not bends(v, moved_to):
            raise Wrong(asked, "a layer that bends the line", "one that only shifts it", "Where are u, w and b used?")
        if not bool((torch.diff(moved_to @ layer.w) > 1e-12).all()):
            known = mistakes.recognise("planar_flow", moved_to, layer, v)
            straight = torch.linalg.matrix_rank(moved_to - v, rtol=1e-6) == 1  # all points move along one line
            hint = known or (SAID["folded"] if straight and latent_dim > 1 else "")
            raise Wrong(asked, "wᵀf(v) that grows with wᵀv", "one that falls somewhere", "", hint)


@worth("planar_flow")
def test_planar_flow_is_exact_for_large_parameters(student, draw):
    """Output and log|det| are exact for wᵀu from -10 to 10, also where wᵀv + b = 0 and the change of volume is
    largest."""
    for latent_dim, along in ((2, -10.0), (3, 10.0), (1, -7.0)):
        layer = Planar.drawn(draw, latent_dim, along).changed(b=torch.zeros((), dtype=torch.float64))
        v = torch.cat([torch.zeros(1, latent_dim, dtype=torch.float64), draw.normal(4, latent_dim)])
        check_layer(
            student, layer, v, todo="Near wᵀû = -1 differences cancel: rearrange so that small terms are added."
        )


@worth("planar_flow")
def test_planar_flow_is_finite_for_all_parameters(student, draw):
    """Output, log|det| and their gradients stay finite for wᵀu of -100 and 100, in float64 and float32."""
    for dtype in (torch.float64, torch.float32):
        for along in (-100.0, 100.0):
            layer = Planar.drawn(draw, 2, along, dtype).changed(b=torch.zeros((), dtype=dtype))
            v = torch.cat([torch.zeros(1, 2, dtype=dtype), draw.normal(4, 2, dtype=dtype)])
            flow, asked = planar_flow(student, layer), call("flow", v=v) + f", wᵀu = {along:g}"
            todo = (
                "softplus underflows to 0 here: set a floor." if along < 0 else "Written out, softplus overflows here."
            )
            found = answer(flow, v, asked, infinite=todo)
            for values in (found[0], found[0] - v):
                expect.varied(values, asked=asked)
            for i in range(2):
                gradient = student.gradient((flow, ""), v, parameters_of=flow, part=i)
                values = (*gradient.inputs, *gradient.parameters.values())
                if not all(bool(torch.isfinite(g).all()) for g in values if g is not None):
                    raise Wrong(
                        asked, "finite gradients", "NaN or infinite numbers", "Where is a term divided by zero?"
                    )


@worth("planar_flow")
def test_planar_flow_passes_gradients(student, draw):
    """The gradients of f(v) and of log|det| reach v, u, w and b."""
    layer, v = Planar.drawn(draw, 2, 1.0), draw.normal(4, 2)
    flow = planar_flow(student, layer)
    check_layer(student, layer, v, also=(None, own_volume(flow, v)))
    for i, name in enumerate(("move", "log_det")):
        truth = functools.partial(lambda v, p, name: getattr(Planar(**p), name)(v), name=name)
        check_gradients(student, flow, "", layer.parameters, truth, draw, part=i, v=v)


@worth("planar_flow")
def test_planar_flow_keeps_float32(student, draw):
    """Parameters and points in float32 give results in float32."""
    layer, v = Planar.drawn(draw, 3, -1.0, torch.float32), draw.normal(5, 3, dtype=torch.float32)
    double = planar_flow(student, layer.double())
    shapes = (v.shape, v.shape[:-1])
    own = [rounded(lambda i=i: part(double, v.double(), i), shapes[i]) for i in range(2)]
    check_layer(student, layer, v, also=own)


@worth("planar_flow")
def test_planar_flow_has_its_parameters(student, draw):
    """PlanarFlow(latent_dim) has the parameters u (D,), w (D,) and b (), and w is not zero at the start."""
    asked = "PlanarFlow(latent_dim=3)"
    found = check_parameters(student.new("PlanarFlow", latent_dim=3), {"u": (3,), "w": (3,), "b": ()}, asked)
    if not bool(found["w"].any()):
        raise Wrong(
            asked, "a w that is not zero", "zeros", "Without a direction the layer is a shift. Draw w at random."
        )


@worth("planar_flow")
def test_planar_flow_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, changes neither v nor itself, and follows its parameters from call
    to call."""
    v = draw.normal(5, 2)
    layer = Planar.drawn(draw, 2)
    flow = planar_flow(student, layer)
    also = (None, own_volume(flow, v))
    check_tidy(student, flow, "", "flow", right=lambda: check_layer(student, layer, v, also=also), v=v)
    other = Planar.drawn(draw, 2)
    flow.load(other.parameters)
    asked = call("flow", v=v) + ", a second time with other parameters"
    if not expect.equal(answer(flow, v, asked)[0], answer(planar_flow(student, other), v, asked)[0]):
        raise Wrong(asked, "what a new layer with these parameters returns", "something else", "", SAID["kept_values"])
