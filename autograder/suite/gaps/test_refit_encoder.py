"""Hidden tests of refit_encoder."""

import torch

from autograder.judging import expect, known, sentences
from autograder.judging.draw import Draw
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.kernel.wire import Seed
from autograder.reporting.points import Kind
from autograder.suite.asking import SHAPE, fresh_chance, placed
from autograder.suite.gaps.shared import ask, linear_at
from autograder.suite.gaps.truth import FAR, LinearGaussian
from autograder.suite.question import Question

MOVED = {"parameters": "refit_trains_everything", "buffers": "refit_in_training_mode"}  # what is known of others
WEIGHTS = ("weight_mu", "bias_mu", "weight_log_var", "bias_log_var")


@worth("refit_encoder", 3)
def test_refit_encoder_raises_the_bound(student, draw):
    """The new encoder's bound on x, taken exactly, is higher than that of the model's own encoder, from which it starts, and the more
    so the more steps it takes."""
    toy, x = off_by_far(draw), draw.binary(12, *SHAPE)
    bounds = [toy.expected_elbo(x).mean()]
    for steps in (60, 240):
        question = refit(student, toy, x, steps, draw.seed())
        fitted = question.kept(student)
        bounds.append(read(question, toy, fitted).expected_elbo(x).mean())
        if not bounds[-1] > bounds[-2]:
            came = "one that is lower" if bounds[-1] < bounds[-2] else "the same"
            advice = "Which sign has the loss, and whose parameters does the optimizer have?"
            raise question.wrong("an encoder with a higher bound", came, hint=hint(question, fitted), advice=advice)


@worth("refit_encoder", 2)
def test_refit_encoder_starts_where_it_is_told(student, draw):
    """With steps = 0 the new model has the model's encoder as it is, or the one that is given, of whatever kind; and some steps later
    the given one has been fitted."""
    toy, x = AffineModel.drawn(draw, 2), draw.binary(6, *SHAPE)
    question = refit(student, toy, x, 0, draw.seed())
    has_encoder(question, question.kept(student), {name: getattr(toy, name) for name in WEIGHTS}, "the model's own")
    fresh = AffineModel.drawn(draw, 2)
    values = {"shift": draw.normal(toy.pixels)} | {f"encoder.{name}": getattr(fresh, name) for name in WEIGHTS}
    question = refit(student, toy, x, 0, draw.seed(), values).adding("an encoder that is given")
    has_encoder(question, question.kept(student), values, "the one that is given")
    question = refit(student, toy, x, 5, draw.seed(), values).adding("an encoder that is given")
    fitted = question.kept(student)
    found = encoder_of(question, fitted)
    if set(found) != set(values) or all(expect.equal(found[name], values[name]) for name in values):
        raise question.wrong("the given encoder, fitted", "another one, or as it was", hint=hint(question, fitted))


@worth("refit_encoder", 3)
def test_refit_encoder_keeps_decoder_and_prior(student, draw):
    """Decoder and prior of the new model have the values that the given model's have, to the last bit, buffers included: they are the
    model."""
    toy, x = AffineModel.drawn(draw, 2, prior=True), draw.binary(6, *SHAPE)
    question = refit(student, toy, x, 5, draw.seed(), sensitive=True)
    fitted = question.kept(student)
    for part in ("decoder", "prior"):
        old, new = (model.attribute(part).state() for model in (question.placed("model"), fitted))
        values = {"parameters": (old.parameters, new.parameters), "buffers": (old.buffers, new.buffers)}
        for what, (before, after) in values.items():
            if before.keys() != after.keys() or any(not expect.identical(before[n], after[n]) for n in before):
                known_one = known.sentence("gaps", MOVED[what])
                raise question.wrong(
                    f"the {part}'s {what} as they were", "others", hint=hint(question, fitted) or known_one
                )


@worth("refit_encoder", 2)
def test_refit_encoder_leaves_the_given_model_alone(student, draw):
    """The given model is bit-identical afterwards: parameters, buffers, gradients, requires_grad and modes; the new model is another
    one, whose parameters are its own."""
    toy, x = AffineModel.drawn(draw, 2, prior=True), draw.binary(6, *SHAPE)
    for sensitive in (False, True):
        question = refit(student, toy, x, 5, draw.seed(), sensitive=sensitive)
        model = question.placed("model")
        model.load({}, gradients={n: torch.ones_like(v) for n, v in model.state().parameters.items()})
        before = model.state()
        fitted = question.kept(student)
        if expect.changes(before, model.state()) is not None:
            what, names = expect.changes(before, model.state())
            came, todo = f"others: {names}", "Copy the model first, and train the copy."
            raise question.wrong(f"the given model's {what} as they were", came, todo)
        values = {name: value + 1 for name, value in model.state().parameters.items()}
        kept = fitted.state().parameters
        model.load(values)
        shared = [name for name, value in fitted.state().parameters.items() if not expect.identical(value, kept[name])]
        if shared:
            raise question.wrong(
                "a new model", f"one that shares {shared[0]} with the given one", "Copy the model first."
            )


@worth("refit_encoder", 2)
def test_refit_encoder_fits_the_bound_of_its_samples(student, draw):
    """The bound is that of num_samples: where the posterior is tilted, the ELBO makes q narrow, and the bound with 50 samples makes it
    wide."""
    toy = tilted(draw)
    x, start = toy.images.repeat(16, 1, 1, 1), float(toy.log_var.mean())
    for num_samples, side in ((1, -1), (50, 1)):
        question = refit(student, toy, x, 150, draw.seed()).given(generator=Seed(draw.seed()), num_samples=num_samples)
        fitted = question.kept(student)
        found = encoder_of(question, fitted)
        log_var = found["weight_log_var"].T + found["bias_log_var"]
        if not side * (float(log_var.mean()) - start) > 0:
            expected, came = ("narrower", "wider")[:: 1 if side < 0 else -1]
            advice = "Which bound is maximised, with how many samples?"
            raise question.wrong(
                f"a {expected} q than at the start", f"a {came} one", hint=hint(question, fitted), advice=advice
            )


@worth("refit_encoder", kind=Kind.CARE)
def test_refit_encoder_follows_its_generator(student, draw):
    """A generator makes the new encoder reproducible, another seed gives another one, and torch's global generator is left
    alone."""
    toy, x, seed = AffineModel.drawn(draw, 2), draw.binary(6, *SHAPE), draw.seed()
    question = refit(student, toy, x, 5, seed)
    question.placed("model")
    chance = fresh_chance(student)
    first, again, another = (
        read(question, toy, question.given(generator=Seed(s)).kept(student)).weight_mu for s in (seed, seed, seed + 1)
    )
    question.is_varied(first - toy.weight_mu)
    if not torch.equal(first, again):
        raise question.wrong("the same encoder for the same seed", "another one", hint=sentences.GENERATOR_IGNORED)
    if torch.equal(first, another):
        raise question.wrong("another encoder for another seed", "the same one", hint=sentences.NOT_RANDOM)
    question.draws_nothing(chance, student.global_rng())


@worth("refit_encoder", kind=Kind.REFUSAL)
def test_refit_encoder_refuses_other_numbers(student, draw):
    """Steps below 0 and num_samples below 1 raise ValueError."""
    toy, x = AffineModel.drawn(draw, 2), draw.binary(6, *SHAPE)
    fine = refit(student, toy, x, 1, draw.seed())
    read(fine, toy, fine.kept(student))
    for steps, num_samples in ((-1, 1), (1, 0)):
        question = refit(student, toy, x, steps).given(num_samples=num_samples)
        todo = "A value that is not allowed must not go unnoticed: raise ValueError(...)."
        expect.refused(lambda question=question: question.kept(student), "ValueError", asked=question.asked, todo=todo)


def off_by_far(draw: Draw) -> AffineModel:
    """Return a model whose encoder has its means far off."""
    toy = AffineModel.drawn(draw, 2)
    return toy.changed(bias_mu=toy.bias_mu + 1.5 * (2 * draw.binary(2) - 1))


def tilted(draw: Draw) -> LinearGaussian:
    """Return a model whose posterior is a tilted ellipsoid: the best factorised Gaussian has the variance 1/7 in each dimension, the
    posterior itself 13/19. The encoder's lies between what the ELBO and the bound with 50 samples lead to."""
    sides = 2 * draw.binary(3) - 1
    precisions = 6 * (sides[:, None] * sides).expand(4, 3, 3).contiguous()
    toy = LinearGaussian(
        centres=draw.normal(4, 3),
        precisions=precisions,
        offsets=torch.full((4,), FAR, dtype=torch.float64),
        mu=torch.zeros(4, 3, dtype=torch.float64),
        log_var=torch.full((4, 3), -1.45, dtype=torch.float64),
        shape=(1, 1, 4),
    )
    return toy.changed(mu=toy.posterior().mean)


def refit(
    student: Student,
    toy: AffineModel | LinearGaussian,
    x: torch.Tensor,
    steps: int,
    seed: int | None = None,
    encoder: dict[str, torch.Tensor] | None = None,
    sensitive: bool = False,
) -> Question:
    """Return the question about a toy, with a generator where a seed is given.

    Args:
        encoder: parameters of the encoder that is given, behind a vector that is added to the pixels.
        sensitive: put batch normalisation and dropout before the decoder.
    """

    def build(student: Student) -> Handle:
        model = placed(student, toy) if isinstance(toy, AffineModel) else linear_at(student, toy)
        if sensitive:
            model.assign(decoder=student.build("Sensitive", model.attribute("decoder"), toy.latent_dim))
            model.eval()
        return model

    arguments = {"model": build, "x": x, "steps": steps}
    if encoder is not None:
        shift, *affine = encoder.values()
        arguments["encoder"] = lambda student: student.build(
            "ShiftedEncoder", shift, student.build("AffineEncoder", *affine)
        )
    question = ask(student, "refit_encoder", **arguments)
    question.toy = toy
    return question if seed is None else question.given(generator=Seed(seed))


def encoder_of(question: Question, fitted: Handle) -> dict[str, torch.Tensor]:
    """Return the parameters of the new model's encoder, all finite."""
    fitted.state()  # where the answer is no module, that is what is said
    found = {name: value.detach() for name, value in fitted.attribute("encoder").state().parameters.items()}
    if not all(bool(torch.isfinite(value).all()) for value in found.values()):
        raise question.wrong("an encoder with finite parameters", "NaN or infinite ones")
    return found


def has_encoder(question: Question, fitted: Handle, values: dict[str, torch.Tensor], which: str) -> None:
    """Demand an encoder with parameters of these values."""
    found = encoder_of(question, fitted)
    if found.keys() != values.keys() or any(not expect.equal(found[name], values[name]) for name in values):
        raise question.wrong(f"{which}, as it is", "another encoder", hint=hint(question, fitted))


def read(question: Question, toy: AffineModel, fitted: Handle) -> AffineModel:
    """Return the toy with the new model's encoder."""
    found = encoder_of(question, fitted)
    if found.keys() != set(WEIGHTS) or any(found[name].shape != getattr(toy, name).shape for name in WEIGHTS):
        raise question.wrong("a new model with an encoder like the model's own", "another one")
    return toy.changed(**found)


def numbers(fitted: Handle) -> torch.Tensor:
    """Return all parameters and buffers of the new model."""
    state = fitted.state()
    floating = [v for v in (*state.parameters.values(), *state.buffers.values()) if v.is_floating_point()]
    return torch.cat([value.detach().double().flatten() for value in floating])


def hint(question: Question, fitted: Handle) -> str:
    """Return the known mistake that leads to the same new model."""
    return known.recognise("refit_encoder", numbers(fitted), lambda other: numbers(question.kept(other)))
