"""Hidden tests of train_step."""

import math

import torch

from autograder.judging import expect, mistakes
from autograder.judging.accuracy import EXACT
from autograder.judging.expect import Wrong, call
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.suite.asking import SHAPE, fresh_chance
from autograder.suite.vae import public


@worth("train_step", 2)
def test_train_step_takes_one_step_down_the_gradient(student, draw):
    """After the call the parameters have moved by exactly one step of the optimizer along the gradient of model(x)."""
    weight, x, rate = draw.normal(6), draw.binary(5, *SHAPE), 0.1
    model = student.quadratic_loss(weight)
    model.train()
    student.train_step(model, student.optimizer("SGD", model, lr=rate), x)
    check_step(student, model, weight, x, rate, torch.zeros(6, dtype=torch.float64))
    for kind, options in (("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adam", {"lr": 0.3}), ("SGD", {"lr": 0.05})):
        check_steps(student, draw.normal(6, scale=200.0), draw.binary(4, 5, *SHAPE), kind, options)


@worth("train_step")
def test_train_step_clears_old_gradients(student, draw):
    """A gradient left over from before the call takes no part in the step: optimizer.zero_grad comes before
    backward."""
    weight, x, rate, left = draw.normal(6), draw.binary(5, *SHAPE), 0.1, draw.normal(6, scale=3.0)
    model = student.quadratic_loss(weight)
    model.train()
    optimizer = student.optimizer("SGD", model, lr=rate)
    model.load({}, gradients={"weight": left})
    student.train_step(model, optimizer, x)
    check_step(student, model, weight, x, rate, left, " after an earlier backward pass")


@worth("train_step")
def test_train_step_switches_to_training_mode(student, draw):
    """The loss is computed in training mode, whatever mode the model or a submodule was in."""
    weight, x, rate = draw.normal(6), draw.binary(5, *SHAPE), 0.1
    for part in ("", "child"):
        model = student.quadratic_loss(weight)
        model.train()
        (model.attribute(part) if part else model).eval()
        student.train_step(model, student.optimizer("SGD", model, lr=rate), x)
        check_step(
            student, model, weight, x, rate, torch.zeros(6, dtype=torch.float64), " of a model in evaluation mode"
        )


@worth("train_step", 2)
def test_train_step_returns_the_loss_as_a_float(student, draw):
    """It returns the value of model(x) before the step, as a Python float: a tensor would keep the whole graph in
    memory."""
    weight, x = draw.normal(6), draw.binary(5, *SHAPE)
    model = student.quadratic_loss(weight)
    model.train()
    asked = call("train_step", model=model, optimizer=..., x=x)
    got = student.train_step(model, student.optimizer("SGD", model, lr=0.1), x)
    if type(got) is not float:
        raise Wrong(
            asked, "a Python float", expect.described(got), "A tensor of one number has a method that gives the number."
        )
    mean = x.flatten(1).mean(0)
    losses = [0.5 * float(((w - mean) ** 2).sum()) for w in (weight, weight - 0.1 * (weight - mean))]
    if not abs(got - losses[0]) <= EXACT * max(1.0, losses[0]):
        hint = mistakes.recognise(
            "train_step_loss", torch.tensor(got, dtype=torch.float64), *losses, losses[0] + float(weight.sum()), len(x)
        )
        came = "NaN" if math.isnan(got) else "an infinite number" if math.isinf(got) else "another number"
        raise Wrong(asked, "the value of model(x) that the step was computed from", came, hint=hint)


@worth("train_step")
def test_train_step_leaves_its_surroundings_alone(student, draw):
    """It prints nothing and does not change x."""
    weight, x = draw.normal(6), draw.binary(5, *SHAPE)
    model = student.quadratic_loss(weight)
    model.train()
    asked, chance = call("train_step", model=model, optimizer=..., x=x), fresh_chance(student)
    seen = student.inspect("train_step", model, student.optimizer("SGD", model, lr=0.1), x)
    expect.random_state_kept(
        chance, student.global_rng(), asked=asked, todo="Draw and seed nothing here: what is random is the model's own."
    )
    check_step(student, model, weight, x, 0.1, torch.zeros(6, dtype=torch.float64))
    expect.silent(seen, asked=asked)
    expect.surroundings_kept(seen, asked=asked)
    expect.inputs_kept(seen, {"model": model, "optimizer": ..., "x": x}, asked=asked)
    model = student.normalized_loss(weight)
    student.train_step(model, student.optimizer("SGD", model, lr=0.1), x)
    calls = model.state().buffers["norm.num_batches_tracked"]
    if int(calls) != 1:
        todo = "Compute the loss once, and keep its value." if int(calls) else mistakes.TRAIN_STEP[-1].say
        raise Wrong(asked, "model(x) to be computed once, in training mode", f"{int(calls)} times", todo)


def check_step(
    student: Student,
    model: Handle,
    weight: torch.Tensor,
    x: torch.Tensor,
    rate: float,
    left: torch.Tensor,
    when: str = "",
) -> None:
    """Check the parameters of `quadratic_loss` after one call with plain gradient descent."""
    mean = x.flatten(1).mean(0)
    expect.close(
        model.state().parameters["weight"],
        weight - rate * (weight - mean),
        asked=f"the parameters after train_step(model, optimizer, x){when}",
        hint=lambda got: (
            mistakes.recognise("train_step", got, weight, mean, rate, left)
            or mistakes.recognise("train_steps", got, weight, mean[None], "SGD", {"lr": rate})
        ),
        todo=(
            "Clear the gradient, compute the loss, go backward, take one step: in training mode, each once, in "
            "this order."
        ),
        example=lambda: public.example(student, "train_step"),
    )


def check_steps(student: Student, weight: torch.Tensor, batches: torch.Tensor, kind: str, options: dict) -> None:
    """Check the parameters of `quadratic_loss` after several calls, against the optimizer of torch itself."""
    model = student.quadratic_loss(weight)
    model.train()
    optimizer = student.optimizer(kind, model, **options)
    own = weight.clone().requires_grad_(True)
    truth = getattr(torch.optim, kind)([own], **options)
    for x in batches:
        student.train_step(model, optimizer, x)
        truth.zero_grad()
        (0.5 * ((own - x.flatten(1).mean(0)) ** 2).sum()).backward()
        truth.step()
    means = batches.flatten(2).mean(1)
    shown = ", ".join(f"{name}={value:g}" for name, value in options.items())
    expect.close(
        model.state().parameters["weight"],
        own.detach(),
        asked=f"the parameters after {len(batches)} calls of train_step(model, optimizer, x), optimizer {kind}({shown})",
        hint=lambda got: mistakes.recognise("train_steps", got, weight, means, kind, options),
        todo="Use the optimizer that you are given, and the gradient as it comes.",
        example=lambda: public.example(student, "train_step"),
    )
