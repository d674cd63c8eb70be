"""Hidden tests of iwae_loss."""

import torch

from autograder.judging import expect, known, oracles
from autograder.judging.expect import attempt
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.suite.asking import fresh_chance, own_functions
from autograder.suite.iwae.follow import gradient_of_own_bound, infinite_with_own_bound, own_losses, untidy
from autograder.suite.iwae.shared import EXTREME, WEIGHTS, ask, of_order_one
from autograder.suite.question import Question

FORMS = ("fast", "normalized", "original")


@worth("iwae_loss", 3)
def test_iwae_loss_fast_is_the_negative_bound(student, draw):
    """With form="fast" its value is the negative bound, averaged over the images."""
    for samples, batch in WEIGHTS:
        is_negative_bound(student, draw.normal(samples, batch, scale=2.0, shift=-3.0))


# The loss exists for its gradient, which is to the forms what the value is to a function: hence Kind.VALUE.
@worth("iwae_loss", 3)
def test_iwae_loss_normalized_has_the_gradient_of_the_bound(student, draw):
    """With form="normalized" the gradient for log_w is that of the negative bound, averaged over the images."""
    for samples, batch in WEIGHTS:
        has_gradient_of_bound(loss(student, draw.normal(samples, batch, scale=2.0, shift=-3.0), "normalized"))


@worth("iwae_loss", 3)
def test_iwae_loss_original_has_the_gradient_of_the_bound(student, draw):
    """With form="original" the gradient for log_w is that of the negative bound, averaged over the images (Burda et al.
    2016, eq. 13)."""
    for samples, batch in WEIGHTS:
        has_gradient_of_bound(loss(student, draw.normal(samples, batch, scale=2.0, shift=-3.0), "original"))


@worth("iwae_loss")
def test_iwae_loss_fast_has_the_gradient_of_the_bound(student, draw):
    """With form="fast" the gradient for log_w reaches every sample with its share."""
    for samples, batch in WEIGHTS:
        has_gradient_of_bound(loss(student, draw.normal(samples, batch, scale=2.0, shift=-3.0), "fast"))


@worth("iwae_loss", 2)
def test_iwae_loss_has_right_gradients_for_extreme_weights(student, draw):
    """All three forms have finite and exact gradients for log weights of ±10,000, in float64 and float32."""
    for dtype in (torch.float64, torch.float32):
        for scale, level in ((2.0, -1e4), (2.0, 1e4), (3e3, -5e3)):
            log_w = draw.normal(5, 3, scale=scale, shift=level, dtype=dtype)
            for form in FORMS:
                has_gradient_of_bound(loss(student, log_w, form), extreme=True)


@worth("iwae_loss", kind=Kind.REFUSAL)
def test_iwae_loss_refuses_unknown_forms(student, draw):
    """Any other form raises a ValueError."""
    log_w = draw.normal(4, 3)
    is_negative_bound(student, log_w)
    for form in ("slow", "", "Fast", "normalised"):
        todo = "A misspelt option must not go unnoticed: raise ValueError(...)."
        loss(student, log_w, form).refuses("ValueError", todo)


@worth("iwae_loss", kind=Kind.CARE)
def test_iwae_loss_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes nothing, draws no random numbers, and returns one number, in float32 for float32."""
    blamed = untidy(student, "iwae_bound", draw.normal(4, 3))
    is_negative_bound(student, draw.normal(4, 3))
    for form in FORMS:
        has_gradient_of_bound(loss(student, draw.normal(4, 3), form))
        for dtype in (torch.float64, torch.float32):
            question, chance = loss(student, draw.normal(4, 3, dtype=dtype), form), fresh_chance(student)
            seen = question.inspected()
            question.is_like((), dtype, got=seen.value, todo="One number for the whole batch.")
            if not blamed:
                question.leaves_alone(seen)
            question.draws_nothing(chance, student.global_rng(), "Everything it needs is in its arguments.")


def loss(student: Student, log_w: torch.Tensor, form: str) -> Question:
    return ask(student, "iwae_loss", log_w=log_w, form=form)


def is_negative_bound(student: Student, log_w: torch.Tensor) -> None:
    """Demand the negative bound of the form "fast", or what the student's own bound leads to."""
    loss(student, log_w, "fast").behind(own_functions(student, "iwae_bound")).equals(
        -oracles.importance_bound(log_w).mean(),
        also=own_losses(student, log_w),
        todo="It is the bound of the exercises before, averaged, with its sign changed.",
        shape="One number for the whole batch: what backward() starts from.",
    )


def has_gradient_of_bound(question: Question, extreme: bool = False) -> None:
    """Demand the gradient of the negative bound, averaged over the images, for log_w.

    The form "fast" is also right where it is what the student's own bound leads to. `extreme`: what the student's own loss has
    for the same weights divided by the largest is as right; the formula is judged elsewhere.
    """
    student, (log_w, form) = question.student, question.arguments.values()
    if form == "fast" and infinite_with_own_bound(student, log_w):
        return
    got, want = gradient(question, student), shares(log_w)
    if form == "fast" and gradient_of_own_bound(student, log_w, got):
        return
    hint = ""
    if not expect.equal(got, want):
        if extreme:
            moderate = gradient(loss(student, log_w - log_w.amax(0), form), student)
            if expect.varies(moderate) and expect.equal(got, moderate):
                return
        hint = known.recognise("iwae_loss", got, lambda other: gradient(question, other))
        if extreme and not hint:
            mild = of_order_one(log_w)
            usual = attempt(lambda: gradient(loss(student, mild, form), student))
            hint = EXTREME if expect.equal(usual, shares(mild)) else ""
    question.has_derivative(got, want, of="log_w", hint=hint, right=False)


def shares(log_w: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the negative bound, averaged over the images."""
    return -oracles.importance_shares(log_w) / log_w.shape[1]


def gradient(question: Question, student: Student) -> torch.Tensor | None:
    """Return the gradient of a student's loss for log_w, of its mean where there is one loss for every image: that one number is
    asked is judged with the value."""
    log_w, form = question.arguments.values()
    value = question.of(student)
    each = isinstance(value, torch.Tensor) and value.shape == log_w.shape[1:]
    shape = log_w.shape[1:] if each else ()
    question.is_like(shape, got=value, todo="One number for the batch.")
    cotangent = torch.full(shape, 1 / log_w.shape[1] if each else 1.0, dtype=log_w.dtype)
    return student.gradient("iwae_loss", log_w, form, cotangent=cotangent).inputs[0]
