"""What the suites of all assignments ask with: toys placed in the student's VAE, and what every function has to leave alone."""

from collections.abc import Callable

import torch

from autograder.judging import expect, sentences
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, attempt
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import Partial
from autograder.kernel.answers import Inspection
from autograder.kernel.remote import Handle, Student
from autograder.trained.gates import Evaluation

SHAPE = (1, 2, 3)  # of the small images on which most tests ask
COLOURED = (3, 2, 2)  # of images whose channels are to be summed over, too
NARROW = 9.5  # the largest log-variance asked, up or down: clamps at 10 are allowed
MODES = ((False, False, False), (True, True, True), (False, True, False), (False, False, True))  # model, its parts
UNUSUAL = 761_208_953  # a seed


def fresh_chance(student: Student) -> torch.Tensor:
    """Return the state of torch's global generator under a seed that no function sets: what seeds shows."""
    student.seed(UNUSUAL)
    return student.global_rng()


def tensors_in(value: object) -> list[torch.Tensor]:
    """Return the tensors and floats of an answer, whatever it packs them into, in double precision."""
    if isinstance(value, float):
        return [torch.tensor(value, dtype=torch.float64)]
    if isinstance(value, torch.Tensor):
        return [value.detach().double()]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return [tensor for item in items for tensor in tensors_in(item)]


def reseeds(student: Student, function: Callable[[], object], draw: Draw) -> bool:
    """Return whether a call sets the seed of torch's global generator: what is drawn next ignores the seed from before,
    or comes from the clock."""
    seed, states = draw.seed(), []
    for value in (seed, seed, seed + 1):
        student.seed(value)
        function()
        states.append(student.global_rng())
    return torch.equal(states[0], states[2]) or not torch.equal(states[0], states[1])


class Besides:
    """What a student's earlier functions do besides answering, which is judged with them: here nothing."""

    prints = changes_inputs = changes_modes = changes_surroundings = draws = False


NOTHING = Besides()


def demand_models_kept(
    student: Student,
    toy: AffineModel,
    inspect: Callable[[Handle], Inspection],
    asked: str,
    *,
    build: Callable[[Student, AffineModel], Handle] | None = None,
    earlier: Besides = NOTHING,
    draws: bool = False,
) -> None:
    """Check that a call leaves a model as it was, whatever mode its parts are in, and that batch norm and dropout do
    nothing in one that is in evaluation mode.

    Args:
        inspect: asks about a model. build: places the toy, as a plain model where none is given.
        earlier: what the student's earlier functions do besides answering: that is judged with them.
        draws: the answer is random.
    """
    build = build or placed
    for modes in MODES:
        model = build(student, toy)
        model.train() if modes[0] else model.eval()
        for part, training in zip(("encoder", "decoder"), modes[1:], strict=True):
            handle = model.attribute(part)
            handle.train() if training else handle.eval()
        before = model.state()
        seen = inspect(model)
        if not earlier.changes_modes:
            expect.state_kept(before, model.state(), asked=asked)
        if not earlier.changes_surroundings:
            expect.surroundings_kept(seen, asked=asked)
    model = build(student, toy)
    want = None if draws else inspect(model).value
    again = None if draws else inspect(model).value
    steady = not draws and len(tensors_in(want)) == len(tensors_in(again))
    steady = steady and all(map(torch.equal, tensors_in(want), tensors_in(again)))
    encoder, decoder, _ = parts_of(student, toy)
    model.assign(
        encoder=student.build("Sensitive", encoder, toy.pixels),
        decoder=student.build("Sensitive", decoder, toy.latent_dim),
    )
    model.eval()
    before, chance = model.state(), fresh_chance(student)
    seen, asked = inspect(model), asked + ", model with batch norm and dropout in evaluation mode"
    if earlier.changes_modes:
        return
    if steady:
        values = tensors_in(seen.value), tensors_in(want)
        if len(values[0]) != len(values[1]) or not all(map(expect.equal, *values)):
            todo = "The model was handed over in evaluation mode: leave it there."
            raise Wrong(asked, "the answer of the same model without them", "another one", todo, sentences.MODE_DURING)
    if steady and not earlier.draws:
        todo = "The model was handed over in evaluation mode: leave it there during the call, too."
        expect.random_state_kept(chance, student.global_rng(), asked=asked, todo=todo)
    expect.state_kept(before, model.state(), asked=asked)


def parts_of(student: Student, toy: AffineModel) -> tuple[Handle, Handle, Handle | None]:
    """Build a toy's encoder, decoder and prior on the student's side."""
    encoder = student.build("AffineEncoder", toy.weight_mu, toy.bias_mu, toy.weight_log_var, toy.bias_log_var)
    decoder = student.build("AffineDecoder", toy.weight, toy.bias, toy.shape)
    return encoder, decoder, student.build("GaussianPrior", *toy.prior) if toy.prior is not None else None


def placed(student: Student, toy: AffineModel) -> Handle:
    """Build a toy as a plain model."""
    encoder, decoder, prior = parts_of(student, toy)
    return student.build("Model", encoder, decoder, prior, latent_dim=toy.latent_dim)


def own_functions(student: Student, *names: str) -> dict[str, Callable]:
    """Return what a student's functions answer, by name, for `known.recognise`; each input is asked once.

    They raise ValueError where they answer no finite tensor.
    """
    seen: dict[tuple, object] = {}

    def answering(name: str) -> Callable:
        def function(*args: torch.Tensor) -> torch.Tensor:
            key = (name, *(argument.detach().numpy().tobytes() for argument in args))
            if key not in seen:
                seen[key] = attempt(lambda: student.call(name, *(argument.detach() for argument in args)))
            value = seen[key]
            if not isinstance(value, torch.Tensor) or infinite(value):
                raise ValueError(f"{name} answers no finite tensor")
            return value.detach()

        return function

    return {name: answering(name) for name in names}


def infinite(value: object) -> bool:
    """Return whether a value is a tensor that is not finite somewhere."""
    return isinstance(value, torch.Tensor) and value.is_floating_point() and not bool(torch.isfinite(value).all())


def moved(
    owner: Handle, name: str, direction: torch.Tensor, function: Callable[[], torch.Tensor]
) -> Callable[[float], torch.Tensor]:
    """Return the function's value as a function of a step of one parameter; the parameter goes back to where it was."""
    value = owner.state().parameters[name].detach()

    def stepped(step: float) -> torch.Tensor:
        owner.load({name: value + step * direction})
        result = function()
        owner.load({name: value})
        return result

    return stepped


def demand_derivative(
    got: torch.Tensor | None,
    want: torch.Tensor,
    own: Callable[[torch.Tensor], torch.Tensor],
    draw: Draw,
    asked: str,
    of: str,
) -> None:
    """Compare a gradient with its value, or with the slope of the student's own values, where these are others."""
    got = reshaped(got, want)
    if got is not None and expect.equal(got, want):
        return
    direction = draw.normal(*want.shape)
    slope = attempt(lambda: own(direction))
    if slope is not None and float(slope.abs()) > 1e-9:
        if got is not None and expect.equal((got * direction).sum(), slope):
            return
    elif slope is not None and bool(want.any()):
        raise Wrong(asked, f"a result that depends on {of}", "one that does not", "", sentences.UNUSED)
    expect.derivative(got, want, asked=asked, of=of, right=True)


def reshaped(got: torch.Tensor | None, want: torch.Tensor) -> torch.Tensor | None:
    """Return a gradient in the shape of `want` where it has as many numbers: shapes of parameters are judged apart."""
    return got.reshape(want.shape) if got is not None and got.numel() == want.numel() else got


def judge(evaluation: Evaluation) -> None:
    """Raise Partial unless a trained model passes all gates: the bound counts half, ELBO and encoder a quarter each."""
    gates = (
        (0.5, lambda: evaluation.judge("bound")),
        (0.25, lambda: evaluation.judge("elbo")),
        (0.25, evaluation.judge_encoder_use),
    )
    credit, said = 0.0, []
    for share, gate in gates:
        try:
            gate()
            credit += share
        except Partial as partial:
            credit += share * partial.credit
            said.append(str(partial))
    if said:
        raise Partial(credit, " ".join(said))
