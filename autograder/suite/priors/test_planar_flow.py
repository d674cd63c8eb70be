"""Hidden tests of planar_flow."""

import torch

from autograder.judging import expect, sentences
from autograder.judging.expect import Wrong, call
from autograder.judging.rubric import worth
from autograder.reporting.points import Kind
from autograder.suite.priors.follow import answer, bends, own_volume, part, rounded, slices
from autograder.suite.priors.layer import is_right, layer, passes_gradients
from autograder.suite.priors.shared import POINTS, SAMPLES, has_parameters, is_tidy, planar_at
from autograder.suite.priors.truth import Planar


@worth("planar_flow", 3)
def test_planar_flow_moves_points(student, draw):
    """f(v) = v + û tanh(wᵀv + b), û being u moved along w so that wᵀû = softplus(wᵀu) - 1 (Rezende and Mohamed 2015,
    appendix A)."""
    for (batch, latent_dim), along in zip(POINTS, (2.0, -3.0, None, -1.0), strict=True):
        planar, v = Planar.drawn(draw, latent_dim, along), draw.normal(batch, latent_dim)
        is_right(student, planar, v, items=(0,))


@worth("planar_flow", 3)
def test_planar_flow_returns_its_change_of_volume(student, draw):
    """The second result is log|det ∂f/∂v|, one value for every point: that of the Jacobian matrix of f."""
    for batch, latent_dim in POINTS:
        planar, v = Planar.drawn(draw, latent_dim), draw.normal(batch, latent_dim)
        is_right(student, planar, v, items=(1,), also=((), own_volume(planar_at(student, planar), v)))


@worth("planar_flow")
def test_planar_flow_broadcasts_over_samples(student, draw):
    """With v of shape (K, B, D) it returns (K, B, D) and (K, B), also where K = 1 or K = B = D."""
    for samples, batch, latent_dim in SAMPLES:
        planar, v = Planar.drawn(draw, latent_dim), draw.normal(samples, batch, latent_dim)
        flow = planar_at(student, planar)
        own = [slices(lambda v, i=i, flow=flow: part(flow, v, i), v, s) for i, s in enumerate((v.shape[1:], (batch,)))]
        is_right(student, planar, v, also=own)


@worth("planar_flow", 2)
def test_planar_flow_is_invertible_for_all_parameters(student, draw):
    """Along w the output only ever grows, however far wᵀu lies below -1: no two points are mapped to one."""
    for latent_dim, along in ((1, -4.0), (3, -3.0), (2, -8.0)):
        planar = Planar.drawn(draw, latent_dim, along)
        steps = torch.linspace(-6, 6, 601, dtype=torch.float64)
        v = draw.normal(latent_dim) + (steps[:, None] - planar.b) * planar.w / (planar.w @ planar.w)
        question = layer(student, planar, v, 0).adding(f"wᵀu = {along:g}, v along w")
        moved_to, _ = answer(question.owner(), v, question.asked)
        if not bends(v, moved_to):
            todo = "Where are u, w and b used?"
            raise question.wrong("a layer that bends the line", "one that only shifts it", todo)
        if not bool((torch.diff(moved_to @ planar.w) > 1e-12).all()):
            straight = torch.linalg.matrix_rank(moved_to - v, rtol=1e-6) == 1  # all points move along one line
            hint = question.hint(moved_to) or (sentences.FOLDED if straight and latent_dim > 1 else "")
            raise question.wrong("wᵀf(v) that grows with wᵀv", "one that falls somewhere", hint=hint)


@worth("planar_flow")
def test_planar_flow_is_exact_for_large_parameters(student, draw):
    """Output and log|det| are exact for wᵀu from -10 to 10, also where wᵀv + b = 0 and the change of volume is
    largest."""
    for latent_dim, along in ((2, -10.0), (3, 10.0), (1, -7.0)):
        planar = Planar.drawn(draw, latent_dim, along).changed(b=torch.zeros((), dtype=torch.float64))
        v = torch.cat([torch.zeros(1, latent_dim, dtype=torch.float64), draw.normal(4, latent_dim)])
        todo = "Near wᵀû = -1 differences cancel: rearrange so that small terms are added."
        is_right(student, planar, v, todo=todo)


@worth("planar_flow")
def test_planar_flow_is_finite_for_all_parameters(student, draw):
    """Output, log|det| and their gradients stay finite for wᵀu of -100 and 100, in float64 and float32."""
    for dtype in (torch.float64, torch.float32):
        for along in (-100.0, 100.0):
            planar = Planar.drawn(draw, 2, along, dtype).changed(b=torch.zeros((), dtype=dtype))
            v = torch.cat([torch.zeros(1, 2, dtype=dtype), draw.normal(4, 2, dtype=dtype)])
            question = layer(student, planar, v).adding(f"wᵀu = {along:g}")
            underflow, overflow = "softplus underflows to 0 here: set a floor.", "Written out, softplus overflows here."
            moved_to, _ = answer(question.owner(), v, question.asked, infinite=underflow if along < 0 else overflow)
            question.is_varied(moved_to)
            question.is_varied(moved_to - v)
            for item in range(2):
                gradient = question.gradient(parameters_of=question.owner(), part=item)
                values = (*gradient.inputs, *gradient.parameters.values())
                if not all(bool(torch.isfinite(g).all()) for g in values if g is not None):
                    todo = "Where is a term divided by zero?"
                    raise question.wrong("finite gradients", "NaN or infinite numbers", todo)


@worth("planar_flow", kind=Kind.GRADIENT)
def test_planar_flow_passes_gradients(student, draw):
    """The gradients of f(v) and of log|det| reach v, u, w and b."""
    passes_gradients(student, draw)


@worth("planar_flow", kind=Kind.CARE)
def test_planar_flow_keeps_float32(student, draw):
    """Parameters and points in float32 give results in float32."""
    planar, v = Planar.drawn(draw, 3, -1.0, torch.float32), draw.normal(5, 3, dtype=torch.float32)
    double = planar_at(student, planar.double())
    shapes = (v.shape, v.shape[:-1])
    own = [rounded(lambda i=i: part(double, v.double(), i), shapes[i]) for i in range(2)]
    is_right(student, planar, v, also=own)


@worth("planar_flow")
def test_planar_flow_has_its_parameters(student, draw):
    """PlanarFlow(latent_dim) has the parameters u (D,), w (D,) and b (), and w is not zero at the start."""
    asked = "PlanarFlow(latent_dim=3)"
    found = has_parameters(student.new("PlanarFlow", latent_dim=3), {"u": (3,), "w": (3,), "b": ()}, asked)
    if not bool(found["w"].any()):
        todo = "Without a direction the layer is a shift. Draw w at random."
        raise Wrong(asked, "a w that is not zero", "zeros", todo)


@worth("planar_flow", kind=Kind.CARE)
def test_planar_flow_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, changes neither v nor itself, and follows its parameters from call
    to call."""
    v = draw.normal(5, 2)
    planar = Planar.drawn(draw, 2)
    question = layer(student, planar, v)
    flow = question.owner()
    is_tidy(question, lambda: is_right(student, planar, v, also=((), own_volume(flow, v))))
    other = Planar.drawn(draw, 2)
    flow.load(other.parameters)
    asked = call("flow", v=v) + ", a second time with other parameters"
    if not expect.equal(answer(flow, v, asked)[0], answer(planar_at(student, other), v, asked)[0]):
        expected = "what a new layer with these parameters returns"
        raise Wrong(asked, expected, "something else", "", sentences.KEPT_VALUES)
