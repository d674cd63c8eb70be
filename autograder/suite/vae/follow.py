"""What a student's own earlier functions make of an input: it is right, too, and what is wrong with it is judged with them."""

from collections.abc import Callable, Iterator

import torch

from autograder.judging import expect, oracles
from autograder.judging.draw import Draw
from autograder.judging.expect import attempt
from autograder.judging.oracles import AffineModel
from autograder.kernel.remote import Handle, Student
from autograder.kernel.wire import Seed
from autograder.suite.asking import SHAPE, fresh_chance, infinite
from autograder.suite.vae.shared import EXTREME, at_prior, gaussians


def settled(student: Student, toy: AffineModel) -> AffineModel:
    """Return the toy, or where the student's reparameterize draws noise of its own, one whose bound does not depend on
    noise."""
    zeros = torch.zeros(2, 3, dtype=torch.float64)
    first, again = (attempt(lambda: student.reparameterize(zeros, zeros, zeros + 1)) for _ in range(2))
    random = isinstance(first, torch.Tensor) and isinstance(again, torch.Tensor) and not expect.identical(first, again)
    return (
        at_prior(toy) if random and toy.prior else toy.changed(weight=torch.zeros_like(toy.weight)) if random else toy
    )


def earlier_infinite(student: Student, toy: AffineModel, x: torch.Tensor, eps: torch.Tensor) -> bool:
    """Return whether a density of the student's own is infinite where it is not, which is judged with it. Where not even the
    sample is finite, nothing says that the bound is made of that density."""
    mu, log_var = toy.encode(x)
    if infinite(attempt(lambda: student.reparameterize(mu, log_var, eps))):
        return False
    z = oracles.reparameterize(mu, log_var, eps)
    calls = {"gaussian_log_prob": (z, mu, log_var), "bernoulli_log_prob": (x, toy.decode(z))}
    return any(infinite(attempt(lambda n=name, a=args: student.call(n, *a))) for name, args in calls.items())


def compositions(student: Student, toy: AffineModel, x: torch.Tensor, eps: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield bounds of a toy put together from the student's own functions, each taken over or written out rightly."""
    mu, log_var = toy.encode(x)
    for z in own_or_true(student, "reparameterize", mu, log_var, eps):
        logits = possible(lambda z=z: toy.decode(z))
        if logits is None:
            continue
        if toy.prior is None:
            divergences = list(own_or_true(student, "kl_standard_normal", mu, log_var))
        else:
            densities = own_or_true(student, "gaussian_log_prob", z, mu, log_var)
            divergences = [possible(lambda d=d, z=z: d - toy.prior_log_prob(z)) for d in densities]
        for reconstruction in own_or_true(student, "bernoulli_log_prob", x, logits):
            for divergence in divergences:
                value = possible(lambda r=reconstruction, d=divergence: r - d)
                if value is not None:
                    yield value.mean(0) if eps.dim() == 3 and value.dim() > 0 else value


def own_or_true(student: Student, name: str, *args: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield what the student's function answers, if finite and not constant, and what the formula gives."""
    own = attempt(lambda: student.call(name, *args))
    elsewhere = attempt(
        lambda: student.call(name, *(1 - a if bool(((a == 0) | (a == 1)).all()) else 0.7 * a + 0.3 for a in args))
    )
    if (
        isinstance(own, torch.Tensor)
        and own.is_floating_point()
        and bool(torch.isfinite(own).all())
        and not expect.identical(own, elsewhere)
    ):
        yield own.detach()
    true = possible(lambda: getattr(oracles, name)(*args))
    if true is not None:
        yield true


def possible(function: Callable[[], torch.Tensor]) -> torch.Tensor | None:
    """Return what the function returns, or None where shapes do not fit."""
    try:
        return function()
    except (RuntimeError, ValueError, TypeError, IndexError):
        return None


def earlier_gradients_broken(student: Student, draw: Draw) -> bool:
    """Return whether a gradient of a function that `elbo` builds on disagrees with the finite differences of its own
    values."""
    mu, log_var, eps = gaussians(draw, 5, 2)
    x, logits = draw.binary(5, *SHAPE), draw.normal(5, *SHAPE)
    calls = {
        "reparameterize": ((mu, log_var, eps), (0, 1)),
        "gaussian_log_prob": ((eps, mu, log_var), (0, 1, 2)),
        "kl_standard_normal": ((mu, log_var), (0, 1)),
        "bernoulli_log_prob": ((x, logits), (1,)),
    }
    for name, (args, wrt) in calls.items():
        for i in wrt:
            direction = draw.normal(*args[i].shape)
            found = attempt(lambda name=name, args=args, i=i: student.gradient(name, *args, wrt=(i,)))

            def stepped(step, name=name, args=args, i=i, direction=direction):
                return student.call(name, *args[:i], args[i] + step * direction, *args[i + 1 :]).detach().sum()

            want = attempt(lambda stepped=stepped: oracles.slope(stepped))
            if found is None or want is None or found.inputs[0] is None:
                return True
            if not expect.equal((found.inputs[0] * direction).sum(), want):
                return True
    return False


def own_bound(vae: Handle, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    """Return what the student's own `elbo` answers. Raises ValueError where that is no tensor."""
    found = attempt(lambda: vae.elbo(x, eps))
    if not isinstance(found, torch.Tensor):
        raise ValueError("elbo answers no tensor")
    return found.detach()


def own_bounds(vae: Handle, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor | None:
    """Return what the student's own `elbo` answers, if that looks at the images."""
    own, elsewhere = (attempt(lambda images=images: vae.elbo(images, eps)) for images in (x, 1 - x))
    if not isinstance(own, torch.Tensor) or not own.is_floating_point() or expect.identical(own, elsewhere):
        return None
    return own.detach()


def own_losses(vae: Handle, x: torch.Tensor, eps: torch.Tensor, reduction: str) -> Iterator[torch.Tensor]:
    """Yield the loss that the student's own `elbo` leads to."""
    own = own_bounds(vae, x, eps)
    if own is not None:
        yield -getattr(own, reduction)()


def manners(student: Student, logits: torch.Tensor, seed: int) -> tuple[bool, bool]:
    """Return whether the student's own bernoulli_sample leaves the global generator alone, and whether it follows the one it is
    given."""
    chance = fresh_chance(student)
    first, again, other = (
        attempt(lambda s=s: student.bernoulli_sample(logits, generator=Seed(s))) for s in (seed, seed, seed + 1)
    )
    follows = expect.identical(first, again) and not expect.identical(first, other)
    return torch.equal(chance, student.global_rng()), follows


def readings(student: Student, got: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield which pixels are on: ones and, if the student's own bernoulli_sample marks them otherwise, its marks."""
    logits = torch.tensor([-EXTREME, EXTREME], dtype=torch.float64)[:, None, None, None].expand(2, *SHAPE).clone()
    own = attempt(lambda: student.bernoulli_sample(logits))
    marks = [(0.0, 1.0)]
    if isinstance(own, torch.Tensor) and own.shape == logits.shape:
        marks.append(tuple(own.detach().double().flatten(1)[:, 0].tolist()))
    for off, on in dict.fromkeys(marks):
        if off != on and bool(((got >= min(off, on) - 1e-6) & (got <= max(off, on) + 1e-6)).all()):
            yield (got - on).abs() < (got - off).abs()
