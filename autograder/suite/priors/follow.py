"""What a student's own earlier answers make of an input: it is right, too, and what is wrong with it is judged with them."""

from collections.abc import Callable, Iterator, Sequence

import torch

from autograder.judging import expect, oracles
from autograder.judging.expect import Wrong, attempt, call
from autograder.kernel.failures import StudentError
from autograder.kernel.remote import Handle, Student
from autograder.suite.asking import infinite
from autograder.suite.priors.truth import Flow

Layer = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]  # v -> (f(v), log|det|)


def both(got: object, asked: str) -> tuple[object, object]:
    """Return the two items of a layer's answer."""
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        todo = "Return both, the output first."
        raise Wrong(asked, "two tensors, (f(v), log|det ∂f/∂v|)", expect.described(got), todo)
    return got[0], got[1]


def answer(flow: Handle, v: torch.Tensor, asked: str, infinite: str = "") -> tuple[torch.Tensor, torch.Tensor]:
    """Return f(v) and log|det| of a student's layer, checked for kind; `infinite`: what to say where one is not finite."""
    moved_to, log_det = both(flow(v), asked)
    kinds = (
        (moved_to, v.shape, "f(v) has the shape of v."),
        (log_det, v.shape[:-1], "There is one log|det| for every point."),
    )
    return tuple(
        expect.tensor(
            got,
            shape,
            v.dtype,
            asked=asked,
            todo=todo,
            hint=lambda found, s=shape: infinite if found.shape == s else "",
        )
        for got, shape, todo in kinds
    )


def part(flow: Handle, v: torch.Tensor, i: int) -> torch.Tensor:
    """Return f(v) for i = 0, log|det| for i = 1, of a student's layer, checked for kind."""
    return answer(flow, v, call("flow", v=v))[i]


def untidy(student: Student, module: Handle, method: str, value: torch.Tensor) -> bool:
    """Return whether an earlier function prints or changes its input: that is judged with it."""
    seen = attempt(lambda: student.inspect((module, method), value.clone()))
    return seen is not None and (bool(seen.printed) or not expect.identical(seen.arguments[0], value))


def slices(function: Callable, values: torch.Tensor, shape: Sequence[int]) -> Iterator[torch.Tensor]:
    """Yield the answers of that shape for values[0], values[1] … as one tensor, if they differ at all."""
    answers = [attempt(lambda value=value: function(value)) for value in values]
    if all(isinstance(a, torch.Tensor) and tuple(a.shape) == tuple(shape) and a.dtype == values.dtype for a in answers):
        together = torch.stack(answers).detach()
        if expect.varies(together):
            yield together


def rounded(function: Callable[[], object], shape: Sequence[int]) -> Iterator[torch.Tensor]:
    """Yield an answer in double precision rounded to float32, if it is one of that shape."""
    value = attempt(function)
    if isinstance(value, torch.Tensor) and tuple(value.shape) == tuple(shape) and expect.varies(value):
        yield value.detach().float()


def settled(function: Callable[[], torch.Tensor]) -> torch.Tensor | None:
    """Return a value made from a student's answers if there is one, of finite numbers that differ; None otherwise."""
    value = made(function)
    return value if expect.varies(value) else None


def made(function: Callable[[], torch.Tensor]) -> torch.Tensor | None:
    """Return what is made from a student's answers, or None where these are no two tensors that fit each other."""
    try:
        return function().detach()
    except (StudentError, Wrong, RuntimeError, ValueError, IndexError):
        return None


def bends(v: torch.Tensor, moved_to: torch.Tensor) -> bool:
    """Return whether a map moves points by different amounts: a shift, or nothing at all, is no layer."""
    step = (moved_to - v).flatten(0, -2)
    return bool(((step - step[:1]).abs() > 1e-6).any())


def own_volume(flow: Handle, v: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield log|det| of the student's own map, from central differences of order four, if it is not constant."""
    batch, latent_dim = v.shape
    steps = torch.tensor([-2.0, -1.0, 1.0, 2.0], dtype=v.dtype) * 1e-3
    shifts = steps[:, None, None] * torch.eye(latent_dim, dtype=v.dtype)  # (4, D, D)
    weights = torch.tensor([1.0, -8.0, 8.0, -1.0], dtype=v.dtype) / 12e-3

    def volume():
        more = torch.cat([v, v + 1])  # one point alone cannot show that the values differ
        rows = (more[:, None, None, :] + shifts).reshape(-1, latent_dim)
        values = answer(flow, rows, call("flow", v=rows))[0].reshape(2 * batch, 4, latent_dim, latent_dim)
        return torch.linalg.slogdet(torch.einsum("s,bsij->bji", weights, values)).logabsdet

    value = settled(volume)
    if value is not None:
        yield value[:batch]


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


def own_forward(prior: Handle, flow: Flow) -> Callable[[object, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    """Return PlanarFlow.forward as the layers of a student's prior answer it; each input is asked once."""
    own, seen = own_layers(prior, len(flow.layers)), {}

    def forward(layer, v):
        (i,) = (i for i, one in enumerate(flow.layers) if torch.equal(one.w, layer.w.detach()))
        key = (i, v.detach().numpy().tobytes())
        if key not in seen:
            seen[key] = own[i](v.detach())
        return seen[key]

    return forward


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


def layers_are_infinite(prior: Handle, count: int, z: torch.Tensor) -> bool:
    """Return whether a density is infinite because the student's own layers are."""
    return infinite(made(lambda: composed(own_layers(prior, count), z)))
