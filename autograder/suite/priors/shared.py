"""What several exercises of priors are asked with."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from autograder.judging import expect, mistakes, oracles
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, attempt, call
from autograder.kernel.failures import StudentError
from autograder.kernel.remote import Handle, Student
from autograder.kernel.wire import Seed
from autograder.suite.asking import check_derivative, check_seeding, fresh_chance, moved
from autograder.suite.priors import public
from autograder.suite.priors.truth import Flow, Mixture, Planar

ENOUGH = 4000  # draws where distributions are compared


def mixture_prior(student: Student, mixture: Mixture) -> Handle:
    """Build a MixturePrior of the student's with given parameters."""
    components, latent_dim = mixture.loc.shape
    prior = student.new("MixturePrior", num_components=components, latent_dim=latent_dim)
    return with_parameters(prior, mixture.parameters)


def planar_flow(student: Student, layer: Planar) -> Handle:
    """Build a PlanarFlow of the student's with given parameters."""
    return with_parameters(student.new("PlanarFlow", latent_dim=len(layer.w)), layer.parameters)


def flow_prior(student: Student, flow: Flow) -> Handle:
    """Build a FlowPrior of the student's with given parameters."""
    prior = student.new("FlowPrior", num_flows=len(flow.layers), latent_dim=len(flow.layers[0].w))
    return with_parameters(prior, flow.parameters)


def with_parameters(module: Handle, parameters: dict[str, torch.Tensor]) -> Handle:
    """Return the module, in their dtype, with these parameters."""
    module.to(next(iter(parameters.values())).dtype)
    module.load(parameters)
    return module


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


def both(got: object, asked: str) -> tuple[object, object]:
    """Return the two items of a layer's answer."""
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        todo = "Return both, the output first."
        raise Wrong(asked, "two tensors, (f(v), log|det ∂f/∂v|)", expect.described(got), todo)
    return got[0], got[1]


def part(flow: Handle, v: torch.Tensor, i: int) -> torch.Tensor:
    """Return f(v) for i = 0, log|det| for i = 1, of a student's layer, checked for kind."""
    return answer(flow, v, call("flow", v=v))[i]


def densities(prior: Handle, z: torch.Tensor, asked: str, todo: str = "") -> torch.Tensor:
    """Return the log-densities of a student's prior, checked for kind."""
    todo = todo or "One value for every code: sum over the latent dimensions and over nothing else."
    return expect.tensor(prior.log_prob(z), z.shape[:-1], z.dtype, asked=asked, todo=todo)


def sampled(prior: Handle, latent_dim: int, draw: Draw) -> tuple[torch.Tensor, str]:
    """Return many codes of a student's prior, and how they were asked for."""
    asked = call("prior.sample", n=ENOUGH, generator=...)
    got = prior.sample(ENOUGH, generator=Seed(draw.seed()))
    codes = expect.tensor(got, (ENOUGH, latent_dim), None, asked=asked)  # the dtype is judged apart
    expect.varied(codes, asked=asked)
    return codes.double(), asked


def check_layer(
    student: Student,
    layer: Planar,
    v: torch.Tensor,
    parts: Sequence[int] = (0, 1),
    also: Sequence[Iterable[torch.Tensor] | None] = (None, None),
    todo: str = "",
) -> None:
    """Compare f(v) (part 0) and log|det| (part 1) with the formula, or with other values that are as right."""
    asked, truth = call("flow", v=v), layer.double()
    got = both(planar_flow(student, layer)(v), asked)
    kinds = (
        ("planar_flow", truth.move, "f(v) has the shape of v."),
        ("planar_log_det", truth.log_det, "There is one log|det| for every point."),
    )
    for i in parts:
        name, function, shape_todo = kinds[i]
        expect.close(
            got[i],
            function(v.double()).to(v.dtype),
            asked=asked + (", its first result" if i == 0 else ", its second result"),
            also=also[i] or (),
            example=lambda name=name: public.example(student, name),
            hint=lambda found, name=name: mistakes.recognise(name, found, layer, v),
            todo=todo,
            shape_todo=shape_todo,
        )


def check_mass(
    prior: Handle,
    latent_dim: int,
    points: int,
    hint: Callable[[torch.Tensor, torch.Tensor], str],
    own: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> None:
    """Check that a density integrates to one; `own`: or that it is what the student's earlier functions make of it."""
    seen: dict[str, torch.Tensor] = {}

    def density(z):
        seen["z"] = z
        seen["got"] = densities(prior, z, call("prior.log_prob", z=z))
        return seen["got"]

    mass = oracles.integral(density, latent_dim, 12.0, points)
    asked = call("prior.log_prob", z=seen["z"])
    if abs(mass - 1) <= 1e-3 or (own is not None and expect.equal(seen["got"], settled(lambda: own(seen["z"])))):
        return
    expected, came = "a density that integrates to one over z", f"one that integrates to {mass:.3g}"
    raise Wrong(asked, expected, came, hint=hint(seen["got"], seen["z"]))


def check_gradients(
    student: Student,
    module: Handle,
    method: str,
    parameters: dict[str, torch.Tensor],
    truth: Callable[[torch.Tensor, dict[str, torch.Tensor]], torch.Tensor],
    draw: Draw,
    part: int | None = None,
    **inputs: torch.Tensor,
) -> None:
    """Compare gradients for the input and the parameters with those of the formula, or with the slopes of the
    student's own values."""
    ((name, value),) = inputs.items()
    label = {"log_prob": "prior.log_prob", "inverse": "flow.inverse"}.get(method, "flow")
    asked, shape = call(label, **inputs), truth(value, parameters).shape
    cotangent = draw.normal(*shape)
    found = student.gradient((module, method), value, parameters_of=module, cotangent=cotangent, part=part)
    expect.tensor(found.value, shape, value.dtype, asked=asked)
    want = gradients_of(truth, parameters, cotangent, **inputs)

    def scalar(at):
        got = student.call((module, method), at)
        return (
            cotangent * expect.tensor(got if part is None else both(got, asked)[part], shape, None, asked=asked)
        ).sum()

    check_derivative(
        found.inputs[0],
        want[name],
        lambda direction: oracles.slope(lambda step: scalar(value + step * direction)),
        draw,
        asked,
        name,
    )
    for of in parameters:

        def own(direction, of=of):
            return oracles.slope(moved(module, of, direction, lambda: scalar(value)))

        check_derivative(found.parameters.get(of), want[of], own, draw, asked, of)


def check_parameters(module: Handle, shapes: dict[str, tuple], asked: str) -> dict[str, torch.Tensor]:
    """Return the parameters of these names, if they are there, of these shapes, and trained."""
    state = module.state()
    for name, shape in shapes.items():
        if name not in state.parameters:
            todo = f"self.{name} = nn.Parameter(...) makes the name known to the optimizer."
            raise Wrong(asked, f"a parameter named {name}", f"none among {', '.join(state.parameters) or 'none'}", todo)
        if tuple(state.parameters[name].shape) != shape:
            got = f"{tuple(state.parameters[name].shape)}"
            raise Wrong(asked, f"{name} of shape {shape}", f"shape {got}", "Create it with the shape of the text.")
        if not state.requires_grad[name]:
            raise Wrong(asked, f"a {name} that is trained", "one that requires no gradient", "Leave it trainable.")
    return {name: state.parameters[name].detach() for name in shapes}


def check_tidy(
    student: Student,
    module: Handle,
    method: str,
    label: str,
    *,
    right: Callable[[], object],
    blamed: bool = False,
    dtype: torch.dtype | None = torch.float64,
    **arguments: torch.Tensor,
) -> None:
    """Check that a call answers rightly, which `right` asks, in a dtype, and does nothing else."""
    asked, before, chance = call(label, **arguments), module.state(), fresh_chance(student)
    seen = student.inspect((module, method), *arguments.values())
    after = student.global_rng()
    items = both(seen.value, asked) if label == "flow" else (seen.value,)
    for item in items:
        expect.varied(item, asked=asked)
        if dtype is not None and item.dtype != dtype:
            raise Wrong(asked, expect.kind(dtype), expect.kind(item.dtype), "", mistakes.SAID["other_dtype"])
    right()
    if not blamed:
        expect.silent(seen, asked=asked)
        expect.surroundings_kept(seen, asked=asked)
        expect.inputs_kept(seen, arguments, asked=asked)
    expect.random_state_kept(chance, after, asked=asked, todo="Nothing here is random.")
    expect.state_kept(before, module.state(), asked=asked)


def check_sample(
    student: Student,
    prior: Handle,
    n: int,
    latent_dim: int,
    dtype: torch.dtype | None,
    draw: Draw,
    blamed: bool = False,
) -> None:
    """Check kind and shape of `prior.sample(n)`, and that it does nothing else."""
    asked, before = call("prior.sample", n=n), prior.state()
    seen = student.inspect((prior, "sample"), n)
    todo = "One row for every code, one column for every latent dimension."
    codes = expect.tensor(seen.value, (n, latent_dim), dtype, asked=asked, todo=todo)
    expect.varied(codes, asked=asked)
    reached = student.gradient((prior, "sample"), n, wrt=(), parameters_of=prior).parameters.values()
    if any(gradient is not None and bool(gradient.any()) for gradient in reached):
        raise Wrong(asked, "codes that carry no gradient", "some that do", "", mistakes.SAID["gradient_left"])
    check_seeding(student, lambda: prior.sample(n), draw, asked)
    if not blamed:
        expect.silent(seen, asked=asked)
        expect.surroundings_kept(seen, asked=asked)
    expect.state_kept(before, prior.state(), asked=asked)


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
    try:
        value = function().detach()
    except (StudentError, Wrong, RuntimeError, ValueError, IndexError):
        return None
    return value if expect.varies(value) else None


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


def gradients_of(
    truth: Callable, parameters: dict[str, torch.Tensor], cotangent: torch.Tensor, **inputs: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the gradients of Σ truth · cotangent for the input and the parameters, by name."""
    ((name, value),) = inputs.items()
    leaves = {key: p.clone().requires_grad_(True) for key, p in ({name: value} | parameters).items()}
    total = (truth(leaves[name], {key: leaves[key] for key in parameters}) * cotangent).sum()
    return dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))


POINTS = ((5, 3), (1, 2), (4, 4), (6, 1))  # (B, D)


SAMPLES = ((3, 5, 2), (1, 4, 3), (4, 4, 4), (3, 1, 2))  # (K, B, D)
