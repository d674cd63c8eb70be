"""What a student's own earlier answers make of an input: it is right, too, and what is wrong with it is judged with them."""

import contextlib
import functools
import math
from collections.abc import Callable, Iterator

import torch

from autograder.judging import expect, oracles
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, attempt
from autograder.judging.oracles import AffineModel
from autograder.kernel.remote import Handle, Student
from autograder.suite.asking import infinite, placed
from autograder.suite.iwae.shared import distinct, scripted_at
from autograder.suite.question import Question

TRIES = 40  # replicates where an answer is compared with what the student's own functions make of other noise


def finite(function: Callable[[], object]) -> torch.Tensor | None:
    """Return what the call returns, detached, if it is a tensor of finite numbers."""
    value = attempt(function)
    right = isinstance(value, torch.Tensor) and value.is_floating_point() and bool(torch.isfinite(value).all())
    return value.detach() if right else None


def of_moderate_weights(question: Question, each: bool) -> Iterator[torch.Tensor | None]:
    """Yield what the student's own function makes of the weights divided by the largest, as the weights as they are change it.

    Args:
        each: the answer grows with an image's log weights, as the bound does; else it does not change, as shares do.
    """
    (log_w,) = question.arguments.values()
    shift = log_w.amax(0) if each else log_w.max()
    moderate = finite(lambda: question.student.call(question.name, log_w - shift))
    if moderate is not None and moderate.shape == (log_w.shape[1:] if each else log_w.shape):
        back = moderate + shift if each else moderate
        yield back if expect.varies(back) else None


def bound_depends(student: Student, log_w: torch.Tensor) -> bool:
    """Return whether the student's bound answers finite numbers that depend on moderate weights."""
    moderate = log_w - log_w.amax(0)
    return expect.varies(finite(lambda: student.iwae_bound(torch.cat([moderate, moderate - 1], 1))))


def own_losses(student: Student, log_w: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield the negative mean of the student's own bounds, if these depend on the weights."""
    own = finite(lambda: student.iwae_bound(log_w))
    if own is not None and bound_depends(student, log_w):
        yield -own.mean().to(log_w.dtype)


def gradient_of_own_bound(student: Student, log_w: torch.Tensor, got: torch.Tensor | None) -> bool:
    """Return whether a gradient, or that there is none, is what the student's own bound leads to."""
    found = attempt(lambda: student.gradient("iwae_bound", log_w))
    if found is None or not bound_depends(student, log_w):
        return False
    own = found.inputs[0]
    return own is got is None or expect.equal(got, None if own is None else -own / found.value.numel())


def infinite_with_own_bound(student: Student, log_w: torch.Tensor) -> bool:
    """Return whether extreme weights make the student's own bound infinite, and with it the loss."""
    loss = attempt(lambda: student.iwae_loss(log_w, "fast"))
    own = (finite(lambda: loss), finite(lambda: student.iwae_bound(log_w)))
    return isinstance(loss, torch.Tensor) and own == (None, None) and bound_depends(student, log_w)


def untidy(student: Student, name: str, log_w: torch.Tensor) -> bool:
    """Return whether an earlier function of log weights prints or changes them: that is judged with it."""
    seen = attempt(lambda: student.inspect(name, log_w.clone()))
    return seen is not None and (bool(seen.printed) or not expect.identical(seen.arguments[0], log_w))


def dependent(student: Student, draw: Draw) -> bool:
    """Return whether the student's log weights depend on the image: those of nonsense need not be followed."""
    toy, x, eps = AffineModel.drawn(draw, 2), distinct(draw, 4), draw.normal(3, 4, 2)
    return expect.varies(attempt(lambda: student.log_weights(placed(student, toy), x, eps)))


# --- log_likelihood ---


def infinite_with_own_weights(student: Student, log_p: torch.Tensor, x: torch.Tensor, num_samples: int) -> bool:
    """Return whether scripted weights of this size make the student's own log weights infinite, and usual ones do not."""
    eps, usual = torch.zeros(num_samples, 1, 1, dtype=log_p.dtype), torch.full_like(log_p, -1.0)
    found = (attempt(lambda p=p: student.log_weights(scripted_at(student, p), x, eps)) for p in (log_p, usual))
    return [infinite(value) for value in found] == [True, False]


def own_scripted_weights(student: Student, log_p: torch.Tensor, x: torch.Tensor) -> Callable[..., torch.Tensor]:
    """Return log_weights of a scripted model as the student's own answers them; they are asked once."""

    @functools.cache
    def every() -> torch.Tensor | None:
        eps = torch.zeros(len(log_p), 1, 1, dtype=log_p.dtype)
        return finite(lambda: student.log_weights(scripted_at(student, log_p), x, eps))

    def log_weights(model, x, eps):
        if every() is None:
            raise ValueError("log_weights answers no finite tensor")
        first = model.decoder.decoded
        model.decoder.decoded += len(eps)
        return every()[first : first + len(eps)]

    return log_weights


def accepted(got: object, replicates: Callable[[], list[torch.Tensor]]) -> Iterator[torch.Tensor]:
    """Yield the answer itself where it lies within six standard deviations of replicates (TRIES, B) of one kind."""
    if not isinstance(got, torch.Tensor):
        return
    for values in replicates():
        middle, spread = values.mean(0), values.std(0)
        off = (got.detach().double() - middle).abs() if got.shape == middle.shape else torch.tensor(torch.inf)
        if bool((off <= 6 * spread + 1e-4 * (1 + middle.abs())).all()):
            yield got


def own_bounds(
    student: Student,
    build: Callable[[], Handle],
    x: torch.Tensor,
    latent_dim: int,
    num_samples: int,
    draw: Draw,
    known: torch.Tensor | AffineModel,
) -> list[torch.Tensor]:
    """Return bounds (TRIES, B) that the student's log_weights, iwae_bound or both lead to, where they are wrong.

    Args:
        known: the log weights themselves, or the toy that `build` places, from which they follow.
    """
    found: dict[str, list[torch.Tensor | None]] = {"weights": [], "bound": [], "both": []}
    sound = {"weights": dependent(student, draw), "bound": bound_depends(student, draw.normal(num_samples, 3))}
    wrong = {"weights": False, "bound": False}
    for tried in range(TRIES):
        if tried == TRIES // 8 and not any(wrong.values()):
            return []  # both are right so far: nothing wrong to follow
        eps = draw.normal(num_samples, len(x), latent_dim, dtype=x.dtype)
        true = oracles.log_weights(known, x, eps) if isinstance(known, AffineModel) else known[:num_samples, None]
        own = finite(lambda eps=eps: student.log_weights(build(), x, eps)) if sound["weights"] else None
        own = own if own is not None and own.shape == true.shape else None
        bound = _own_bound(student, true) if sound["bound"] else None
        found["weights"].append(None if own is None else oracles.importance_bound(own))
        found["bound"].append(bound)
        found["both"].append(None if own is None or bound is None else _own_bound(student, own))
        wrong["weights"] |= not expect.equal(own, true)
        wrong["bound"] |= not expect.equal(bound, oracles.importance_bound(true))
    kinds = [kind for kind in found if wrong.get(kind, all(wrong.values()))]
    complete = [found[kind] for kind in kinds if all(value is not None for value in found[kind])]
    return [torch.stack(values).double() for values in complete]


def _own_bound(student: Student, log_w: torch.Tensor) -> torch.Tensor | None:
    """Return the student's bound of log weights if it is one finite value for every image."""
    bound = finite(lambda: student.iwae_bound(log_w))
    return bound if bound is not None and bound.shape == log_w.shape[1:] else None


# --- gradient_snr ---


def own_gradients(
    student: Student, toy: AffineModel, x: torch.Tensor, num_samples: int, runs: int, draw: Draw
) -> torch.Tensor | None:
    """Return gradients of the loss for weight_mu, (runs, D, pixels), as the student's log_weights and iwae_bound give
    them, where one of these is wrong; None where they are right, or answer nothing that depends on the image."""
    model, gradients, wrong = placed(student, toy), [], False
    encoder = model.attribute("encoder")
    for run in range(runs):
        eps = draw.normal(num_samples, len(x), toy.latent_dim, dtype=x.dtype)
        true = oracles.log_weights(toy, x, eps)
        log_w = attempt(lambda eps=eps: student.log_weights(model, x, eps))
        if not isinstance(log_w, torch.Tensor) or not bool(torch.isfinite(log_w).all()):
            return None
        log_w = log_w.detach()
        bound = attempt(lambda log_w=log_w: student.gradient("iwae_bound", log_w))
        if bound is None or bound.inputs[0] is None:
            return None
        cotangent = -bound.inputs[0] / bound.value.numel()
        found = attempt(
            lambda eps=eps, c=cotangent: student.gradient(
                "log_weights", model, x, eps, wrt=(), parameters_of=encoder, cotangent=c
            )
        )
        gradient = None if found is None else found.parameters.get("weight_mu")
        gradients.append(torch.zeros_like(toy.weight_mu) if gradient is None else gradient.reshape(toy.weight_mu.shape))
        weight = toy.weight_mu.clone().requires_grad_(True)
        loss = -torch.logsumexp(oracles.log_weights(toy.changed(weight_mu=weight), x, eps), 0).mean()
        wrong |= not expect.equal(log_w, true)
        wrong |= not expect.equal(gradients[-1], torch.autograd.grad(loss, weight)[0])
        if run == 2 and not wrong:
            return None
    return torch.stack(gradients) if dependent(student, draw) else None


def noiseless(student: Student, toy: AffineModel, x: torch.Tensor, num_samples: int, draw: Draw) -> bool:
    """Return whether the student's own gradients, being wrong, are the same for all noise."""
    gradients = own_gradients(student, toy, x, num_samples, 5, draw)
    return gradients is not None and not bool((gradients.var(0) > 1e-20).any())


@contextlib.contextmanager
def unless_noiseless(
    student: Student, toy: AffineModel, x: torch.Tensor, num_samples: int, draw: Draw
) -> Iterator[None]:
    """Let a wrong answer of gradient_snr pass where the student's own gradients have no noise to measure."""
    try:
        yield
    except Wrong:
        if not noiseless(student, toy, x, num_samples, draw):
            raise


def agrees_with_own(
    student: Student, toy: AffineModel, x: torch.Tensor, num_samples: int, runs: int, draw: Draw, got: tuple
) -> bool:
    """Return whether variance and ratio are, roughly, those of gradients that the student's own earlier
    functions give; False where these are right."""
    gradients = own_gradients(student, toy, x, num_samples, runs, draw)
    if gradients is None:
        return False
    variance = gradients.var(0)
    noisy = variance > 1e-20
    if not bool(noisy.any()):
        return False
    variance_of_own = float(variance[noisy].mean())
    ratio_of_own = float((gradients.mean(0).abs() / variance.sqrt())[noisy].mean())
    near = abs(abs(got[1]) - ratio_of_own) <= ratio_of_own + 3 / math.sqrt(runs)  # the second term: of no signal at all
    return near and 0.5 <= got[0] / variance_of_own <= 2
