"""Hidden tests of train_step."""

import math

import torch

from autograder.judging import expect, known
from autograder.judging.accuracy import EXACT
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.reporting.points import Kind
from autograder.suite.asking import SHAPE, fresh_chance
from autograder.suite.question import Question
from autograder.suite.vae.shared import ask

RATE = 0.1
EVALUATED = known.sentence("vae", "training_mode_forgotten")


@worth("train_step", 2)
def test_train_step_takes_one_step_down_the_gradient(student, draw):
    """After the call the parameters have moved by exactly one step of the optimizer along the gradient of model(x)."""
    one_step_is_right(student, draw.normal(6), draw.binary(5, *SHAPE))
    for kind, options in (("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adam", {"lr": 0.3}), ("SGD", {"lr": 0.05})):
        steps_are_right(student, draw.normal(6, scale=200.0), draw.binary(4, 5, *SHAPE), kind, options)


@worth("train_step")
def test_train_step_clears_old_gradients(student, draw):
    """A gradient left over from before the call takes no part in the step: optimizer.zero_grad comes before
    backward."""
    weight, x, left = draw.normal(6), draw.binary(5, *SHAPE), draw.normal(6, scale=3.0)
    one_step_is_right(
        student, weight, x, lambda model: model.load({}, {"weight": left}), " after an earlier backward pass"
    )


@worth("train_step")
def test_train_step_switches_to_training_mode(student, draw):
    """The loss is computed in training mode, whatever mode the model or a submodule was in."""
    weight, x = draw.normal(6), draw.binary(5, *SHAPE)
    for part in ("", "child"):

        def switch(model: Handle, part: str = part) -> None:
            (model.attribute(part) if part else model).eval()

        one_step_is_right(student, weight, x, switch, " of a model in evaluation mode")


@worth("train_step", 2)
def test_train_step_returns_the_loss_as_a_float(student, draw):
    """It returns the value of model(x) before the step, as a Python float: a tensor would keep the whole graph in
    memory."""
    weight, x = draw.normal(6), draw.binary(5, *SHAPE)
    question = step(student, weight, x)
    got = question.answer()
    if type(got) is not float:
        todo = "A tensor of one number has a method that gives the number."
        raise question.wrong("a Python float", expect.described(got), todo)
    loss = 0.5 * float(((weight - x.flatten(1).mean(0)) ** 2).sum())
    if not abs(got - loss) <= EXACT * max(1.0, loss):
        came = "NaN" if math.isnan(got) else "an infinite number" if math.isinf(got) else "another number"
        hint = question.hint(torch.tensor(got, dtype=torch.float64))
        raise question.wrong("the value of model(x) that the step was computed from", came, hint=hint)


@worth("train_step", kind=Kind.CARE)
def test_train_step_leaves_its_surroundings_alone(student, draw):
    """It prints nothing and does not change x."""
    weight, x = draw.normal(6), draw.binary(5, *SHAPE)
    question, chance = step(student, weight, x), fresh_chance(student)
    seen = question.inspected()
    todo = "Draw and seed nothing here: what is random is the model's own."
    question.draws_nothing(chance, student.global_rng(), todo)
    one_step_is_right(student, weight, x)
    question.leaves_alone(seen)
    model = student.build("NormalizedLoss", weight)
    student.train_step(model, student.optimizer("SGD", model, lr=RATE), x)
    calls = int(model.state().buffers["norm.num_batches_tracked"])
    if calls != 1:
        todo = "Compute the loss once, and keep its value." if calls else EVALUATED
        raise question.wrong("model(x) to be computed once, in training mode", f"{calls} times", todo)


def step(student: Student, weight: torch.Tensor, x: torch.Tensor) -> Question:
    """Return the question for a step of plain gradient descent on a QuadraticLoss in training mode."""
    made = {}

    def model(student: Student) -> Handle:
        made[student] = student.build("QuadraticLoss", weight)
        made[student].train()
        return made[student]

    def optimizer(student: Student) -> Handle:
        return student.optimizer("SGD", made[student], lr=RATE)

    return ask(student, "train_step", model=model, optimizer=optimizer, x=x)


def one_step_is_right(
    student: Student, weight: torch.Tensor, x: torch.Tensor, prepare=lambda model: None, when: str = ""
) -> None:
    """Demand the parameters of a QuadraticLoss after one call with plain gradient descent.

    Args:
        prepare: what was done to the model before, which was in training mode.
        when: the same in words.
    """

    def moved(student: Student) -> torch.Tensor:
        model = student.build("QuadraticLoss", weight)
        model.train()
        prepare(model)
        student.train_step(model, student.optimizer("SGD", model, lr=RATE), x)
        return model.state().parameters["weight"]

    question = ask(student, "train_step").seeing(f"the parameters after train_step(model, optimizer, x){when}", moved)
    todo = (
        "Clear the gradient, compute the loss, go backward, take one step: in training mode, each once, in this order."
    )
    question.equals(weight - RATE * (weight - x.flatten(1).mean(0)), todo=todo)


def steps_are_right(student: Student, weight: torch.Tensor, batches: torch.Tensor, kind: str, options: dict) -> None:
    """Demand the parameters of a QuadraticLoss after several calls, as torch's own optimizer moves them."""

    def moved(student: Student) -> torch.Tensor:
        model = student.build("QuadraticLoss", weight)
        model.train()
        optimizer = student.optimizer(kind, model, **options)
        for x in batches:
            student.train_step(model, optimizer, x)
        return model.state().parameters["weight"]

    own = weight.clone().requires_grad_(True)
    truth = getattr(torch.optim, kind)([own], **options)
    for x in batches:
        truth.zero_grad()
        (0.5 * ((own - x.flatten(1).mean(0)) ** 2).sum()).backward()
        truth.step()
    shown = ", ".join(f"{name}={value:g}" for name, value in options.items())
    words = f"the parameters after {len(batches)} calls of train_step(model, optimizer, x), optimizer {kind}({shown})"
    todo = "Use the optimizer that you are given, and the gradient as it comes."
    ask(student, "train_step").seeing(words, moved).equals(own.detach(), todo=todo)
