"""Hidden tests of gradient_norms."""

import math
from collections.abc import Mapping, Sequence

import torch

from autograder.judging import expect, known
from autograder.judging.accuracy import PRECISION
from autograder.judging.draw import Draw
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.reporting.points import Kind
from autograder.suite.asking import placed
from autograder.suite.gaps.shared import ask
from autograder.suite.question import Question

NAMES = ("encoder", "decoder", "encoder_per_sqrt", "decoder_per_sqrt", "ratio")
ENCODER, DECODER = ((3, 4), (3,), (2, 1, 3)), ((5,), (2, 2))  # shapes of parameters
Gradients = Sequence[torch.Tensor | None]


@worth("gradient_norms", 3)
def test_gradient_norms_are_those_of_all_parameters(student, draw):
    """Each norm is the root of the sum of squares over all parameters of its part, whatever their shapes; per_sqrt divides it by
    the root of the number of parameters, and ratio is the encoder's by the decoder's."""
    for scale in (1.0, 1e-4, 300.0):
        are_right(student, drawn(draw, ENCODER, scale), drawn(draw, DECODER))
    are_right(student, drawn(draw, ((1,),)), drawn(draw, ENCODER))


@worth("gradient_norms", 2)
def test_gradient_norms_count_what_has_no_gradient(student, draw):
    """A parameter whose .grad is None adds nothing to the norm, and is counted among the parameters."""
    encoder, decoder = drawn(draw, ENCODER), drawn(draw, DECODER)
    are_right(student, [None, *encoder[1:]], decoder)
    are_right(student, encoder, [decoder[0], None])


@worth("gradient_norms", 2)
def test_gradient_norms_of_nothing_are_zero(student, draw):
    """Where a part has no gradient at all its norm is 0; the ratio is 0 where that is the encoder's, and inf or nan, without an
    error, where it is the decoder's."""
    encoder, decoder = drawn(draw, ENCODER), drawn(draw, DECODER)
    for missing in (lambda p: None, torch.zeros_like):
        are_right(student, [missing(p) for p in encoder], decoder)
        are_right(student, encoder, [missing(p) for p in decoder])


@worth("gradient_norms")
def test_gradient_norms_leave_out_the_prior(student, draw):
    """A prior with parameters belongs to neither part, and submodules belong to the part that they are in."""
    toy = AffineModel.drawn(draw, 2, prior=True)
    parts = {
        "encoder": ("weight_mu", "bias_mu", "weight_log_var", "bias_log_var"),
        "decoder": ("weight", "bias"),
    }
    gradients = {f"{part}.{n}": draw.normal(*getattr(toy, n).shape) for part, names in parts.items() for n in names}
    more = {"prior.mean": draw.normal(2, scale=5.0), "prior.log_var": draw.normal(2, scale=5.0)}
    kept = [[gradients[f"{part}.{n}"] for n in names] for part, names in parts.items()]

    def build(student: Student) -> Handle:
        model = placed(student, toy)
        model.load({}, gradients=gradients | more)
        return model

    agree(norms(student, build), *kept)


@worth("gradient_norms", kind=Kind.CARE)
def test_gradient_norms_leave_gradients_as_they_are(student, draw):
    """It returns Python floats, changes neither gradients nor parameters, prints nothing, and reads float32 as well."""
    for dtype in (torch.float64, torch.float32):
        encoder, decoder = ([p.to(dtype) for p in drawn(draw, shapes)] for shapes in (ENCODER, DECODER))
        encoder[1] = None

        def build(student: Student, encoder=encoder, decoder=decoder, dtype=dtype) -> Handle:
            return model_of(student, encoder, decoder, dtype)

        question = norms(student, build)
        model = question.placed("model")
        before, seen = model.state(), question.inspected()
        agree(norms(student, build), encoder, decoder)
        values = dictionary(question, seen.value)
        if any(type(values[name]) is not float for name in NAMES):
            came = " and ".join(sorted({expect.described(values[name]) for name in NAMES}))
            raise question.wrong(
                "five Python floats", came, "A tensor of one number has a method that gives the number."
            )
        question.leaves_alone(seen)
        question.keeps_state(before, model.state())


def drawn(draw: Draw, shapes: Sequence[tuple[int, ...]], scale: float = 1.0) -> list[torch.Tensor]:
    """Return gradients of these shapes."""
    return [draw.normal(*shape, scale=scale) for shape in shapes]


def model_of(student: Student, encoder: Gradients, decoder: Gradients, dtype: torch.dtype = torch.float64) -> Handle:
    """Build a model whose parts have these gradients."""
    shapes = {"encoder": (ENCODER, encoder), "decoder": (DECODER, decoder)}
    parts = [
        tuple(
            torch.ones(shape if g is None else g.shape, dtype=dtype)
            for shape, g in zip(shapes_of(given, own), own, strict=True)
        )
        for given, own in shapes.values()
    ]
    model = student.build("Parts", *parts)
    named = {f"{part}.{i}": g for part, (_, own) in shapes.items() for i, g in enumerate(own) if g is not None}
    model.load({}, gradients=named)
    return model


def shapes_of(given: Sequence[tuple[int, ...]], own: Gradients) -> Sequence[tuple[int, ...]]:
    """Return the shapes of parameters, where some may have no gradient."""
    return given if any(g is None for g in own) else [tuple(g.shape) for g in own]


def norms(student: Student, build) -> Question:
    return ask(student, "gradient_norms", model=build)


def truth(encoder: Gradients, decoder: Gradients) -> dict[str, float]:
    """Return the five numbers; shapes of parameters without gradient are those of ENCODER and DECODER."""
    found = {}
    for name, given, own in (("encoder", ENCODER, encoder), ("decoder", DECODER, decoder)):
        flat = torch.cat([g.double().flatten() for g in own if g is not None] or [torch.zeros(1, dtype=torch.float64)])
        count = sum(math.prod(shape) for shape in shapes_of(given, own))
        found[name] = float(torch.linalg.vector_norm(flat))
        found[f"{name}_per_sqrt"] = float(found[name] / math.sqrt(count))
    top, bottom = found["encoder_per_sqrt"], found["decoder_per_sqrt"]
    return found | {"ratio": top / bottom if bottom else math.inf}


def dictionary(question: Question, got: object) -> Mapping[str, object]:
    """Return an answer that is a dict with the five names."""
    if not isinstance(got, dict) or any(name not in got for name in NAMES):
        came = (
            f"one without {next(n for n in NAMES if n not in got)}" if isinstance(got, dict) else expect.described(got)
        )
        raise question.wrong(f"a dict with {', '.join(NAMES)}", came, "Return all five under these names.")
    return got


def number(got: object) -> torch.Tensor | None:
    """Return a number, or a tensor of one, in double precision."""
    if isinstance(got, torch.Tensor):
        return got.detach().double() if got.dim() == 0 and got.dtype in PRECISION else None
    return torch.tensor(float(got), dtype=torch.float64) if isinstance(got, (int, float)) else None


def together(got: object) -> torch.Tensor | None:
    """Return the numbers of an answer as one tensor, without those that are not finite: one alone may be several mistakes'."""
    found = [number(got.get(name)) for name in NAMES] if isinstance(got, dict) else [None]
    return torch.stack(found).nan_to_num(-1.0, -2.0, -3.0) if all(one is not None for one in found) else None


def are_right(student: Student, encoder: Gradients, decoder: Gradients) -> None:
    agree(norms(student, lambda student: model_of(student, encoder, decoder)), encoder, decoder)


def agree(question: Question, encoder: Gradients, decoder: Gradients) -> None:
    """Demand the five numbers."""
    got, want = dictionary(question, question.answer()), truth(encoder, decoder)
    for name in NAMES:
        value = got[name]
        found = number(value)
        if found is None:
            raise question.wrong(f"a number under {name!r}", expect.described(value), "A float for each name.")
        if name == "ratio" and math.isinf(want[name]):
            right = not bool(torch.isfinite(found))
        else:
            right = bool(torch.isfinite(found)) and math.isclose(float(found), want[name], rel_tol=1e-5, abs_tol=1e-12)
        if not right:
            came = (
                "NaN"
                if bool(torch.isnan(found))
                else "an infinite number"
                if bool(torch.isinf(found))
                else "another number"
            )
            guarded = known.sentence("gaps", "norms_ratio_guarded") if math.isinf(want[name]) else ""
            hint = guarded or question.taking(together).hint(together(got))
            raise question.wrong(f"the value of the formula under {name!r}", came, hint=hint, advice=question.example())
