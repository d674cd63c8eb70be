"""What several exercises of priors are asked with."""

from collections.abc import Callable, Mapping

import torch

from autograder.judging import expect, oracles, sentences
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, underflown
from autograder.kernel.remote import Handle, Student
from autograder.kernel.wire import Seed
from autograder.suite.asking import demand_derivative, fresh_chance, moved, placed
from autograder.suite.priors import public
from autograder.suite.priors.follow import settled
from autograder.suite.priors.truth import Flow, Mixture, Planar
from autograder.suite.question import Question

ENOUGH = 4000  # draws where distributions are compared


POINTS = ((5, 3), (1, 2), (4, 4), (6, 1))  # (B, D)


CODES = "One value for every code: sum over the latent dimensions and over nothing else."


SAMPLES = ((3, 5, 2), (1, 4, 3), (4, 4, 4), (3, 1, 2))  # (K, B, D)


def ask(student: Student, name: str, **arguments: object) -> Question:
    """Return a question to a student, about this assignment."""
    return Question(student, name, arguments, public.CASES, placed)


def mixture_at(student: Student, mixture: Mixture) -> Handle:
    """Build a MixturePrior of the student's with given parameters."""
    components, latent_dim = mixture.loc.shape
    prior = student.new("MixturePrior", num_components=components, latent_dim=latent_dim)
    return with_parameters(prior, mixture.parameters)


def planar_at(student: Student, layer: Planar) -> Handle:
    """Build a PlanarFlow of the student's with given parameters."""
    return with_parameters(student.new("PlanarFlow", latent_dim=len(layer.w)), layer.parameters)


def flow_at(student: Student, flow: Flow) -> Handle:
    """Build a FlowPrior of the student's with given parameters."""
    prior = student.new("FlowPrior", num_flows=len(flow.layers), latent_dim=len(flow.layers[0].w))
    return with_parameters(prior, flow.parameters)


def with_parameters(module: Handle, parameters: dict[str, torch.Tensor]) -> Handle:
    """Return the module, in their dtype, with these parameters."""
    module.to(next(iter(parameters.values())).dtype)
    module.load(parameters)
    return module


def density(build: Callable[[Student], Handle], exercise: str, z: torch.Tensor, student: Student) -> Question:
    """Return the question for the log-density of codes under a prior that `build` makes."""
    return ask(student, "log_prob", z=z).on(build, "prior").of_exercise(exercise).looking(underflown)


def sample(
    build: Callable[[Student], Handle], exercise: str, n: int, student: Student, seed: int | None = None
) -> Question:
    """Return the question for n codes of a prior that `build` makes, with a generator where a seed is given."""
    question = ask(student, "sample", n=n).on(build, "prior").of_exercise(exercise)
    return question if seed is None else question.given(generator=Seed(seed))


def many_codes(question: Question, latent_dim: int) -> torch.Tensor:
    """Return the codes of a question for many, checked for kind; the dtype is judged apart."""
    codes = question.is_like((ENOUGH, latent_dim))
    question.is_varied(codes)
    return codes.double()


def integrates_to_one(
    ask_at: Callable[[torch.Tensor], Question],
    latent_dim: int,
    points: int,
    own: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> None:
    """Demand that a density integrates to one; `own`: or that it is what the student's earlier functions make of it."""
    questions, found = [], []

    def values(z: torch.Tensor) -> torch.Tensor:
        questions.append(ask_at(z))
        found.append(questions[-1].is_like(z.shape[:-1], z.dtype, todo=CODES))
        return found[-1]

    mass = oracles.integral(values, latent_dim, 12.0, points)
    question, got = questions[-1], found[-1]
    if abs(mass - 1) <= 1e-3:
        return
    if own is not None and expect.equal(got, settled(lambda: own(question.arguments["z"]))):
        return
    came = f"one that integrates to {mass:.3g}"
    raise question.wrong("a density that integrates to one over z", came, hint=question.hint(got))


def has_gradients(
    question: Question,
    parameters: dict[str, torch.Tensor],
    truth: Callable[[torch.Tensor, dict[str, torch.Tensor]], torch.Tensor],
    draw: Draw,
    part: int | None = None,
) -> None:
    """Demand the gradients of the formula for the input and the parameters, or the slopes of the student's own values.

    Args:
        question: asks a method with one input. truth: the formula. part: which item of a tuple is asked for.
    """
    module, ((name, value),) = question.owner(), question.arguments.items()
    shape = truth(value, parameters).shape
    cotangent = draw.normal(*shape)
    found = question.gradient(parameters_of=module, cotangent=cotangent, part=part)
    question.is_like(shape, value.dtype, got=found.value)
    want = gradients_of(truth, parameters, cotangent, **question.arguments)

    def scalar(at: torch.Tensor) -> torch.Tensor:
        got = question.taken(question.student.call((module, question.name), at))
        return (cotangent * question.is_like(shape, got=got)).sum()

    def along_input(direction: torch.Tensor) -> torch.Tensor:
        return oracles.slope(lambda step: scalar(value + step * direction))

    demand_derivative(found.inputs[0], want[name], along_input, draw, question.asked, name)
    for of in parameters:

        def along_parameter(direction: torch.Tensor, of=of) -> torch.Tensor:
            return oracles.slope(moved(module, of, direction, lambda: scalar(value)))

        demand_derivative(found.parameters.get(of), want[of], along_parameter, draw, question.asked, of)


def gradients_of(
    truth: Callable, parameters: dict[str, torch.Tensor], cotangent: torch.Tensor, **inputs: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the gradients of Σ truth · cotangent for the input and the parameters, by name."""
    ((name, value),) = inputs.items()
    leaves = {key: p.clone().requires_grad_(True) for key, p in ({name: value} | parameters).items()}
    total = (truth(leaves[name], {key: leaves[key] for key in parameters}) * cotangent).sum()
    return dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))


def has_parameters(module: Handle, shapes: Mapping[str, tuple], asked: str) -> dict[str, torch.Tensor]:
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


def is_tidy(
    question: Question,
    right: Callable[[], object],
    blamed: bool = False,
    dtype: torch.dtype | None = torch.float64,
) -> None:
    """Demand of a method a right answer, which `right` demands, in a dtype, and that the call does nothing else.

    Args:
        blamed: an earlier function prints or changes its input, which is judged with it. dtype: None where it is not to be judged.
    """
    student, module = question.student, question.owner()
    before, chance, seen = module.state(), fresh_chance(student), question.inspected()
    after, answer = student.global_rng(), question.taken(seen.value)
    for item in answer if isinstance(answer, (tuple, list)) else (answer,):
        question.is_varied(item)
        if dtype is not None and item.dtype != dtype:
            raise question.wrong(expect.kind(dtype), expect.kind(item.dtype), hint=sentences.OTHER_DTYPE)
    right()
    if not blamed:
        question.leaves_alone(seen)
    question.draws_nothing(chance, after, "Nothing here is random.")
    question.keeps_state(before, module.state())


def sample_is_tidy(
    question: Question, latent_dim: int, dtype: torch.dtype | None, draw: Draw, blamed: bool = False
) -> None:
    """Demand codes of the right kind and shape without gradient, and that the call does nothing else but draw; see `is_tidy`."""
    prior = question.owner()
    before, seen = prior.state(), question.inspected()
    todo = "One row for every code, one column for every latent dimension."
    question.is_varied(question.is_like((question.arguments["n"], latent_dim), dtype, got=seen.value, todo=todo))
    question.leaves_no_gradient(prior)
    question.keeps_seed(draw)
    if not blamed:
        question.leaves_alone(seen)
    question.keeps_state(before, prior.state())
