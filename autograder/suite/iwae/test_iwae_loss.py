"""Hidden tests of iwae_loss."""

from collections.abc import Iterator

import torch

from autograder.judging import expect, mistakes, oracles
from autograder.judging.expect import attempt, call
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.suite.asking import fresh_chance
from autograder.suite.iwae import public
from autograder.suite.iwae.shared import EXTREME, WEIGHTS, bound_depends, finite, mild

FORMS = ("fast", "normalized", "original")


def check_loss_gradient(student: Student, log_w: torch.Tensor, form: str, extreme: bool = False) -> None:
    """Compare the gradient of a loss for log_w with that of the negative bound, averaged over the batch.

    One loss for every image is averaged here: that one number is asked is judged with the value. The form "fast" is
    also right where it is what the student's own bound leads to. `extreme`: what the student's own loss has for the
    same weights divided by the largest is as right; the formula is judged elsewhere.
    """
    asked = call("iwae_loss", log_w=log_w, form=form)
    if form == "fast" and follows_into_infinity(student, log_w):
        return
    got, want = loss_gradient(student, log_w, form, asked), -oracles.importance_shares(log_w) / log_w.shape[1]
    if form == "fast" and follows_bound(student, log_w, got):
        return
    if extreme and not expect.equal(got, want):
        moderate = loss_gradient(student, log_w - log_w.amax(0), form, asked)
        if expect.varies(moderate) and expect.equal(got, moderate):
            return
    hint = mistakes.recognise("iwae_gradient", got, log_w)
    if extreme and not hint and not expect.equal(got, want):
        usual = mild(log_w)
        right = -oracles.importance_shares(usual) / usual.shape[1]
        hint = EXTREME if expect.equal(attempt(lambda: loss_gradient(student, usual, form, asked)), right) else ""
    expect.derivative(got, want, asked=asked, of="log_w", hint=hint)


def loss_gradient(student: Student, log_w: torch.Tensor, form: str, asked: str) -> torch.Tensor | None:
    """Return the gradient of a student's loss for log_w, of its mean where there is one for every image."""
    value = student.iwae_loss(log_w, form)
    each = isinstance(value, torch.Tensor) and value.shape == log_w.shape[1:]
    shape = log_w.shape[1:] if each else ()
    expect.tensor(value, shape, None, asked=asked, todo="One number for the batch.")
    cotangent = torch.full(shape, 1 / log_w.shape[1] if each else 1.0, dtype=log_w.dtype)
    return student.gradient("iwae_loss", log_w, form, cotangent=cotangent).inputs[0]


def own_losses(student: Student, log_w: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield the negative mean of the student's own bounds, if these depend on the weights."""
    own = finite(lambda: student.iwae_bound(log_w))
    if own is not None and bound_depends(student, log_w):
        yield -own.mean().to(log_w.dtype)


def follows_bound(student: Student, log_w: torch.Tensor, got: torch.Tensor | None) -> bool:
    """Return whether a gradient, or that there is none, is what the student's own bound leads to."""
    found = attempt(lambda: student.gradient("iwae_bound", log_w))
    if found is None or not bound_depends(student, log_w):
        return False
    own = found.inputs[0]
    return own is got is None or expect.equal(got, None if own is None else -own / found.value.numel())


def follows_into_infinity(student: Student, log_w: torch.Tensor) -> bool:
    """Return whether extreme weights make the student's own bound infinite, and with it the loss."""
    loss = attempt(lambda: student.iwae_loss(log_w, "fast"))
    own = (finite(lambda: loss), finite(lambda: student.iwae_bound(log_w)))
    return isinstance(loss, torch.Tensor) and own == (None, None) and bound_depends(student, log_w)


def check_fast_loss(student: Student, log_w: torch.Tensor) -> None:
    """Compare the value of the form "fast" with the negative bound, or with what the student's own bound leads to."""
    expect.close(
        student.iwae_loss(log_w, "fast"),
        -oracles.importance_bound(log_w).mean(),
        asked=call("iwae_loss", log_w=log_w, form="fast"),
        also=own_losses(student, log_w),
        hint=lambda got: (
            mistakes.recognise("iwae_loss", got, log_w)
            or mistakes.recognise("negative_elbo", got, attempt(lambda: student.iwae_bound(log_w)), "mean")
        ),
        todo="It is the bound of the exercises before, averaged, with its sign changed.",
        example=lambda: public.example(student, "iwae_loss"),
        shape_todo="One number for the whole batch: what backward() starts from.",
    )


def untidy(student: Student, name: str, log_w: torch.Tensor) -> bool:
    """Return whether an earlier function of log weights prints or changes them: that is judged with it."""
    seen = attempt(lambda: student.inspect(name, log_w.clone()))
    return seen is not None and (bool(seen.printed) or not expect.identical(seen.arguments[0], log_w))


@worth("iwae_loss", 3)
def test_iwae_loss_fast_is_the_negative_bound(student, draw):
    """With form="fast" its value is the negative bound, averaged over the images."""
    for samples, batch in WEIGHTS:
        log_w = draw.normal(samples, batch, scale=2.0, shift=-3.0)
        check_fast_loss(student, log_w)


@worth("iwae_loss", 3)
def test_iwae_loss_normalized_has_the_gradient_of_the_bound(student, draw):
    """With form="normalized" the gradient for log_w is that of the negative bound, averaged over the images."""
    for samples, batch in WEIGHTS:
        check_loss_gradient(student, draw.normal(samples, batch, scale=2.0, shift=-3.0), "normalized")


@worth("iwae_loss", 3)
def test_iwae_loss_original_has_the_gradient_of_the_bound(student, draw):
    """With form="original" the gradient for log_w is that of the negative bound, averaged over the images (Burda et al.
    2016, eq. 13)."""
    for samples, batch in WEIGHTS:
        check_loss_gradient(student, draw.normal(samples, batch, scale=2.0, shift=-3.0), "original")


@worth("iwae_loss")
def test_iwae_loss_fast_has_the_gradient_of_the_bound(student, draw):
    """With form="fast" the gradient for log_w reaches every sample with its share."""
    for samples, batch in WEIGHTS:
        check_loss_gradient(student, draw.normal(samples, batch, scale=2.0, shift=-3.0), "fast")


@worth("iwae_loss", 2)
def test_iwae_loss_has_right_gradients_for_extreme_weights(student, draw):
    """All three forms have finite and exact gradients for log weights of ±10,000, in float64 and float32."""
    for dtype in (torch.float64, torch.float32):
        for scale, level in ((2.0, -1e4), (2.0, 1e4), (3e3, -5e3)):
            log_w = draw.normal(5, 3, scale=scale, shift=level, dtype=dtype)
            for form in FORMS:
                check_loss_gradient(student, log_w, form, extreme=True)


@worth("iwae_loss")
def test_iwae_loss_refuses_unknown_forms(student, draw):
    """Any other form raises a ValueError."""
    log_w = draw.normal(4, 3)
    check_fast_loss(student, log_w)
    for form in ("slow", "", "Fast", "normalised"):
        asked = call("iwae_loss", log_w=log_w, form=form)
        todo = "A misspelt option must not go unnoticed: raise ValueError(...)."
        expect.refused(lambda form=form: student.iwae_loss(log_w, form), "ValueError", asked=asked, todo=todo)


@worth("iwae_loss")
def test_iwae_loss_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes nothing, draws no random numbers, and returns one number, in float32 for float32."""
    blamed = untidy(student, "iwae_bound", draw.normal(4, 3))
    check_fast_loss(student, draw.normal(4, 3))
    for form in FORMS:
        check_loss_gradient(student, draw.normal(4, 3), form)
        for dtype in (torch.float64, torch.float32):
            log_w = draw.normal(4, 3, dtype=dtype)
            asked, chance = call("iwae_loss", log_w=log_w, form=form), fresh_chance(student)
            seen = student.inspect("iwae_loss", log_w, form)
            expect.tensor(seen.value, (), dtype, asked=asked, todo="One number for the whole batch.")
            if not blamed:
                expect.silent(seen, asked=asked)
                expect.surroundings_kept(seen, asked=asked)
                expect.inputs_kept(seen, {"log_w": log_w, "form": form}, asked=asked)
            todo = "Everything it needs is in its arguments."
            expect.random_state_kept(chance, student.global_rng(), asked=asked, todo=todo)
