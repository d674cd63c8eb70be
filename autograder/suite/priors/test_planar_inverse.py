"""Hidden tests of planar_inverse."""

from collections.abc import Iterable

import torch

from autograder.judging import expect, sentences
from autograder.judging.accuracy import EXACT
from autograder.judging.expect import attempt, call
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.reporting.points import Kind
from autograder.suite.priors.follow import answer, bends, settled, slices, untidy
from autograder.suite.priors.shared import POINTS, SAMPLES, ask, has_gradients, is_tidy, planar_at
from autograder.suite.priors.truth import Planar
from autograder.suite.question import Question


@worth("planar_inverse", 3)
def test_planar_inverse_undoes_the_layer(student, draw):
    """flow.inverse(y) is the point that the layer maps to y, for one point, for as many as dimensions, and for more."""
    for (batch, latent_dim), along in zip(POINTS, (2.0, -1.0, 3.0, -2.0), strict=True):
        layer = Planar.drawn(draw, latent_dim, along)
        is_right(inverse(student, layer, layer.move(draw.normal(batch, latent_dim))), layer, EXACT)


@worth("planar_inverse")
def test_planar_inverse_broadcasts_over_samples(student, draw):
    """With y of shape (K, B, D) it returns (K, B, D), also where K = 1 or K = B = D."""
    for samples, batch, latent_dim in SAMPLES:
        layer, y = Planar.drawn(draw, latent_dim, 1.0), draw.normal(samples, batch, latent_dim)
        question = inverse(student, layer, y)
        own = slices(question.owner().inverse, y, y.shape[1:])
        is_right(question, layer, EXACT, also=(each for each in own if not expect.equal(each, y)))


@worth("planar_inverse", 3)
def test_planar_inverse_is_accurate(student, draw):
    """Its error is at most 1e-8 in float64, for wᵀu from -5 to 5 and coordinates of y up to 1000."""
    for latent_dim, along in ((3, -5.0), (2, 5.0), (1, -4.0), (4, 3.0)):
        layer = Planar.drawn(draw, latent_dim, along)
        size = 10 ** draw.uniform(100, 1, low=-1, high=3)
        steep = layer.move((draw.normal(50, 1, scale=0.1) - layer.b) * layer.w / (layer.w @ layer.w))
        y = torch.cat([size * draw.uniform(100, latent_dim, low=-1, high=1), steep])
        is_right(inverse(student, layer, y), layer, 1e-8)


@worth("planar_inverse")
def test_planar_inverse_converges_for_large_parameters(student, draw):
    """It finds the root for wᵀu from -10 to 10 as well, to an error of 1e-5, wherever the search has to start."""
    for latent_dim, along in ((1, 10.0), (3, 8.0), (2, -10.0)):
        layer = Planar.drawn(draw, latent_dim, along)
        heights = torch.linspace(-12, 12, 97, dtype=torch.float64)[:, None]  # of wᵀy + b
        is_right(inverse(student, layer, (heights - layer.b) * layer.w / (layer.w @ layer.w)), layer, EXACT)


@worth("planar_inverse", kind=Kind.CARE)
def test_planar_inverse_keeps_float32(student, draw):
    """In float32 its error is at most 1e-3 and its result float32, for coordinates of y up to 10."""
    for along in (-4.0, 4.0):
        layer = Planar.drawn(draw, 3, along, torch.float32)
        y = draw.uniform(100, 3, low=-10, high=10, dtype=torch.float32)
        is_right(inverse(student, layer, y), layer, 1e-3)


@worth("planar_inverse", 3, Kind.GRADIENT)
def test_planar_inverse_passes_gradients(student, draw):
    """First derivatives reach y, u, w and b: those of the root, by the implicit function theorem."""
    for along in (1.5, -2.0):
        layer, y = Planar.drawn(draw, 2, along), draw.normal(4, 2)
        question = inverse(student, layer, y)
        is_right(question, layer, EXACT)
        has_gradients(question, layer.parameters, lambda y, p: Planar(**p).undo(y), draw)


@worth("planar_inverse", kind=Kind.CARE)
def test_planar_inverse_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither y nor the layer."""
    layer, y = Planar.drawn(draw, 2, 1.0), draw.normal(5, 2)
    question = inverse(student, layer, y)
    blamed = untidy(student, question.owner(), "", y)
    is_tidy(question, lambda: is_right(question, layer, EXACT), blamed)


def inverse(student: Student, layer: Planar, y: torch.Tensor) -> Question:
    question = ask(student, "inverse", y=y).on(lambda student: planar_at(student, layer), "flow")
    return question.of_exercise("planar_inverse")


def is_right(question: Question, layer: Planar, error: float, also: Iterable[torch.Tensor] = ()) -> None:
    """Demand the inverse of y with no more than an error, or that the student's own layer takes it back to y."""
    (y,) = question.arguments.values()
    got = question.is_like(y.shape, y.dtype, todo="The inverse has the shape of y.")
    off = float((got.double() - layer.inverse(y)).abs().max())
    if off <= error or undoes(question.owner(), got, y, error) or any(expect.equal(got, other) for other in also):
        return
    hint = sentences.SEARCH_ENDS if off <= 1e-3 else question.hint(got)
    advice = f"{question.example()} Put your v into the layer: does y come out?".strip()
    raise question.wrong(f"v with an error of at most {error:g}", f"an error of {off:.1g}", hint=hint, advice=advice)


def undoes(flow: Handle, v: torch.Tensor, y: torch.Tensor, error: float) -> bool:
    """Return whether the student's own layer bends and takes v to y."""
    asked, probe = call("flow", v=v), torch.cat([v, -v, v + 1])
    back = attempt(lambda: settled(lambda: answer(flow, probe, asked)[0]))
    return back is not None and bends(probe, back) and float((back[: len(v)] - y).abs().max()) <= error
