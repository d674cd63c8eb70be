"""How the suite of `iwae` asks: models whose weights are known, checks of the answers, and what a student's own
earlier functions make of an input.

Leaves out what is asked and what it is worth (`test_iwae`).
"""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from autograder.judging import expect, mistakes, oracles, statistics
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, attempt, call
from autograder.judging.mistakes import SAID
from autograder.judging.oracles import AffineModel
from autograder.kernel.answers import Inspection, State
from autograder.kernel.remote import Handle, Student
from autograder.kernel.wire import Seed
from autograder.suite import public
from autograder.suite.priors import check_derivative
from autograder.suite.terms import wrong_term
from autograder.suite.test_vae import SHAPE, infinite, moved, placed

FORMS = ("fast", "normalized", "original")
EXTREME = "exp(-10,000) rounds to zero and exp(10,000) to infinity: take the largest out before the exponentials."
TRIES = 40  # replicates where an answer is compared with what the student's own functions make of other noise


# --- models whose weights are known -----------------------------------------------------------------------------------


def without_code(toy: AffineModel) -> AffineModel:
    """Return the toy with logits that ignore z: log w is log p(z) - log q(z|x) but for a constant."""
    return toy.changed(weight=torch.zeros_like(toy.weight))


def with_posterior(toy: AffineModel, mean: torch.Tensor, log_var: torch.Tensor) -> AffineModel:
    """Return the toy with one q(z|x) = N(mean, diag exp log_var) for all images."""
    none = torch.zeros_like(toy.weight_mu)
    return toy.changed(weight_mu=none, bias_mu=mean, weight_log_var=none, bias_log_var=log_var)


def single_pixel(draw: Draw, latent_dim: int, prior: bool = False) -> AffineModel:
    """Return a toy of one pixel whose logits ignore z and whose q(z|x) depends on that pixel through mu alone."""
    toy = without_code(AffineModel.drawn(draw, latent_dim, (1, 1, 1), prior=prior))
    return toy.changed(weight_log_var=torch.zeros_like(toy.weight_log_var))


def scripted(student: Student, log_p: torch.Tensor) -> Handle:
    """Build a model whose n-th sample has the log weight log_p[n] for an image of one pixel that is 1, whatever the
    noise: q is the prior, and the decoder follows a script.

    log_p = log σ(logit) leads to logit = log_p - log(1 - exp log_p), which is log_p where that is far below zero.
    """
    zeros = torch.zeros(1, 1, dtype=log_p.dtype)
    encoder = student.affine_encoder(zeros, zeros[0], zeros, zeros[0])
    table = log_p - torch.log(-torch.expm1(log_p))
    return student.model(encoder, student.scripted_decoder(table[:, None], (1, 1, 1)), latent_dim=1)


def image(draw: Draw, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Return one binary image of the assignment's size."""
    return draw.binary(1, 1, 28, 28, dtype=dtype)


def distinct(draw: Draw, batch: int) -> torch.Tensor:
    """Return small binary images of which at least two differ in every pixel."""
    x = draw.binary(batch, *SHAPE)
    x[0], x[1] = 0.0, 1.0
    return x


# --- checks -----------------------------------------------------------------------------------------------------------


def check_weights(
    student: Student,
    toy: AffineModel,
    x: torch.Tensor,
    eps: torch.Tensor,
    model: Handle | None = None,
    also: Iterable[torch.Tensor] = (),
) -> torch.Tensor:
    """Compare log weights with the formula."""
    return expect.close(
        student.log_weights(model or placed(student, toy), x, eps),
        oracles.log_weights(toy, x, eps),
        asked=call("log_weights", model=..., x=x, eps=eps) + ("" if toy.prior is None else ", model with a prior"),
        also=also,
        hint=lambda got: (
            mistakes.underflown(got)
            or mistakes.recognise("log_weights", got, toy, x, eps)
            or expect.unsteady(lambda: student.log_weights(model or placed(student, toy), x, eps), got)
            or wrong_term(lambda of, x, eps: student.log_weights(placed(student, of), x, eps), toy, averaged=False)
        ),
        todo="Compare each of its three terms with the text.",
        example=lambda: public.example(student, "log_weights", placed),
        shape_todo="One log weight for every sample of every image: (K, B).",
    )


def check_weight_gradients(
    student: Student,
    toy: AffineModel,
    leaf: AffineModel,
    parts: dict[str, dict[str, torch.Tensor]],
    draw: Draw,
) -> None:
    """Compare gradients of log weights for parameters with those of the formula, or with the slopes of the student's
    own values.

    Args:
        leaf: the toy made of the leaves; parts: these leaves by name, of the encoder, the decoder or the prior.
    """
    x, eps, cotangent = draw.binary(4, *SHAPE), draw.normal(3, 4, 2), draw.normal(3, 4)
    check_weights(student, toy, x, eps)
    model, asked = placed(student, toy), call("log_weights", model=..., x=x, eps=eps)
    (cotangent * oracles.log_weights(leaf, x, eps)).sum().backward()

    def value():
        got = expect.tensor(student.log_weights(model, x, eps), (3, 4), x.dtype, asked=asked)
        return (cotangent * got).sum()

    for part, leaves in parts.items():
        owner = model.attribute(part)
        found = student.gradient("log_weights", model, x, eps, wrt=(), parameters_of=owner, cotangent=cotangent)
        expect.tensor(found.value, (3, 4), x.dtype, asked=asked)
        for name, parameter in leaves.items():

            def own(direction, owner=owner, name=name):
                return oracles.slope(moved(owner, name, direction, value))

            got = found.parameters.get(name)
            check_derivative(got, parameter.grad, own, draw, asked, f"the {part}'s {name}")


def check_of_weights(
    student: Student,
    name: str,
    log_w: torch.Tensor,
    truth: Callable[[torch.Tensor], torch.Tensor],
    extreme: bool = False,
) -> None:
    """Compare what iwae_bound or normalized_weights makes of log weights with the formula.

    `extreme`: what the student's own function makes of the weights divided by the largest is as right.
    """
    want, bound = truth(log_w), name == "iwae_bound"
    shift = log_w.amax(0) if bound else log_w.max()

    def own():
        moderate = finite(lambda: student.call(name, log_w - shift))
        if moderate is not None and moderate.shape == want.shape:
            back = moderate + shift if bound else moderate
            yield back if expect.varies(back) else None

    shape_todo = {"iwae_bound": "One bound for every image.", "normalized_weights": "One share for every log weight."}
    expect.close(
        student.call(name, log_w),
        want,
        asked=call(name, log_w=log_w),
        also=own() if extreme else (),
        example=lambda: public.example(student, name),
        hint=lambda got: (
            mistakes.recognise(name, got, log_w)
            or (
                EXTREME
                if extreme and expect.equal(attempt(lambda: student.call(name, mild(log_w))), truth(mild(log_w)))
                else ""
            )
        ),
        shape_todo=shape_todo[name],
    )


def mild(log_w: torch.Tensor) -> torch.Tensor:
    """Return log weights of order one in the same order: only who is right for these is wrong because of their size."""
    return 3 * log_w / log_w.abs().max()


def answer_for(student: Student, name: str, log_w: torch.Tensor) -> torch.Tensor:
    """Return what iwae_bound or normalized_weights answers, checked for kind."""
    shape = log_w.shape[1:] if name == "iwae_bound" else log_w.shape
    return expect.tensor(student.call(name, log_w), shape, log_w.dtype, asked=call(name, log_w=log_w))


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


def bound_depends(student: Student, log_w: torch.Tensor) -> bool:
    """Return whether the student's bound answers finite numbers that depend on moderate weights."""
    moderate = log_w - log_w.amax(0)
    return expect.varies(finite(lambda: student.iwae_bound(torch.cat([moderate, moderate - 1], 1))))


def finite(function: Callable[[], object]) -> torch.Tensor | None:
    """Return what the call returns, detached, if it is a tensor of finite numbers."""
    value = attempt(function)
    right = isinstance(value, torch.Tensor) and value.is_floating_point() and bool(torch.isfinite(value).all())
    return value.detach() if right else None


def check_likelihood(student: Student, log_p: torch.Tensor, num_samples: int, chunk_size: int, draw: Draw) -> None:
    """Compare log_likelihood with the logarithm of the mean of known weights; log_p has more of them than are asked."""
    x = torch.ones(1, 1, 1, 1, dtype=log_p.dtype)
    got = student.log_likelihood(scripted(student, log_p), x, num_samples, chunk_size, generator=Seed(draw.seed()))
    eps = torch.zeros(num_samples, 1, 1, dtype=log_p.dtype)
    usual = torch.full_like(log_p, -1.0)
    if (
        infinite(got)
        and infinite(attempt(lambda: student.log_weights(scripted(student, log_p), x, eps)))
        and not infinite(attempt(lambda: student.log_weights(scripted(student, usual), x, eps)))
    ):
        return  # an earlier function is infinite for such weights, and pays for it there
    asked = likelihood_call(x, num_samples, chunk_size)

    def own_weights():
        every = torch.zeros(len(log_p), 1, 1, dtype=log_p.dtype)
        return attempt(lambda: student.log_weights(scripted(student, log_p), x, every))

    expect.close(
        got,
        oracles.importance_bound(log_p[:num_samples, None]),
        asked=asked,
        also=accepted(
            got,
            lambda: own_bounds(student, lambda: scripted(student, log_p), x, 1, num_samples, draw, log_p),
        ),
        hint=lambda found: (
            mistakes.recognise("log_likelihood", found, log_p[:, None], num_samples, chunk_size)
            or mistakes.recognise("log_likelihood", found, own_weights(), num_samples, chunk_size)
            or (mistakes.SUM_ITSELF if infinite(found) else "")
        ),
        todo="Follow two chunks by hand, the second one smaller than the first.",
        example=lambda: public.example(student, "log_likelihood", placed),
        shape_todo="One value for every image.",
    )


def scores(
    student: Student, toy: AffineModel, x: torch.Tensor, rule: str, threshold: float | None = None
) -> tuple[object, torch.Tensor, str]:
    """Return count and statistics of active_units, the latter checked for kind, and how it was asked."""
    options = {} if threshold is None else {"threshold": threshold}
    asked = call("active_units", model=..., x=x, rule=rule, **options)
    got = student.active_units(placed(student, toy), x, rule, **options)
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        todo = "Return both, the count first."
        raise Wrong(asked, "two items, (count, statistic)", expect.described(got), todo)
    statistic = expect.tensor(
        got[1],
        (toy.latent_dim,),
        x.dtype,
        asked=asked + ", its second result",
        todo="One statistic for every latent dimension.",
        hint=lambda found: recognised(found, toy, x, rule),
    )
    return got[0], statistic, asked


def recognised(statistic: torch.Tensor, toy: AffineModel, x: torch.Tensor, rule: str) -> str:
    """Return what is known about a statistic of active_units."""
    return mistakes.recognise(f"active_{rule}", statistic, *toy.encode(x))


def check_scores(student: Student, toy: AffineModel, x: torch.Tensor, rule: str) -> None:
    """Compare the statistics of active_units with the formula, and their count."""
    count, statistic, asked = scores(student, toy, x, rule)
    mu, log_var = toy.encode(x)
    wants = {
        "kl": [oracles.kl_of_dimensions(mu, log_var).mean(0)],
        "variance": [mu.var(0, correction=0), mu.var(0, correction=1)],
    }[rule]
    expect.close(
        statistic,
        wants[0],
        asked=asked + ", its second result",
        also=wants[1:],
        hint=lambda found: recognised(found, toy, x, rule),
        todo="Work out one dimension by hand.",
        example=lambda: public.example(student, f"active_{rule}", placed),
    )
    check_count(count, statistic, 0.01, asked)


def check_count(count: object, statistic: torch.Tensor, threshold: float, asked: str) -> None:
    """Check that a count is that of the statistics above the threshold; that it is an int is judged elsewhere."""
    number = count.item() if isinstance(count, torch.Tensor) and count.numel() == 1 else count
    if number != int((statistic > threshold).sum()):
        got = f"{number}" if isinstance(number, (int, float)) else expect.described(number)
        expected = "the number of statistics above the threshold"
        raise Wrong(asked + ", its first result", expected, got, "", mistakes.SAID["strict_threshold"])


def snr(
    student: Student,
    model: Handle,
    x: torch.Tensor,
    num_samples: int,
    runs: int,
    seed: int,
    hint: str = mistakes.SAID["runs_alike"],
) -> tuple[float, float, str]:
    """Return what gradient_snr answers, two finite numbers, and how it was asked; `hint`: what NaN may mean here."""
    asked = call("gradient_snr", model=..., x=x, num_samples=num_samples, runs=runs, generator=...)
    got = student.gradient_snr(model, x, num_samples, runs, generator=Seed(seed))
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        todo = "Return both, the variance first."
        raise Wrong(asked, "two floats, (mean variance, mean of abs(mean) / std)", expect.described(got), todo)
    numbers = [item.item() if isinstance(item, torch.Tensor) and item.numel() == 1 else item for item in got]
    for item, number in zip(got, numbers, strict=True):
        if type(number) is not float:
            raise Wrong(asked, "two floats", f"{expect.described(item)} among them", "Average over the entries.")
    if not all(math.isfinite(item) for item in numbers) or not numbers[0] > 0:
        todo = "Is an average taken over no entries at all, or divided by a variance of zero?"
        expected, came = "a positive variance and a finite ratio", "zero, NaN or an infinite number"
        raise Wrong(asked, expected, came, todo, hint)
    return *numbers, asked


def check_variance(student: Student, draw: Draw) -> None:
    """Compare the mean variance of gradients that are normal numbers of known variances, by the Laurent-Massart bound."""
    runs = 200
    noisy = single_pixel(draw, 8, prior=True)
    equal = with_posterior(single_pixel(draw, 8), *torch.zeros(2, 8, dtype=torch.float64))
    narrow = noisy.changed(bias_log_var=noisy.bias_log_var - 16)  # gradients that hardly differ between runs
    cases = (
        (noisy, 1, 1, torch.exp(noisy.bias_log_var - 2 * noisy.prior[1])),
        (equal, 5, 3, torch.full((8,), 1 / 15, dtype=torch.float64)),
        (narrow, 1, 1, torch.exp(narrow.bias_log_var - 2 * narrow.prior[1])),
    )
    for toy, num_samples, batch, variances in cases:
        x = torch.ones(batch, 1, 1, 1, dtype=torch.float64)
        small = {"hint": mistakes.SAID["small_variance"]} if toy is narrow else {}
        with unless_noiseless(student, toy, x, num_samples, draw):
            variance, ratio, asked = snr(student, placed(student, toy), x, num_samples, runs, draw.seed(), **small)
            alpha, either = statistics.ALPHA / 6, (variance, variance * runs / (runs - 1))  # N or N - 1
            if any(statistics.variances_are(v, variances, runs, alpha) for v in either):
                continue
            if agrees_with_own(student, toy, x, num_samples, runs, draw, (variance, ratio)):
                continue
            mean = float(variances.mean())
            guesses = {
                "not_averaged": mean * batch**2,
                "samples_ignored": mean * num_samples,
                "standard_deviation": float(variances.sqrt().mean()),
            }
            nearest = min(guesses, key=lambda key: abs(math.log(variance / guesses[key])))
            hint = mistakes.SAID[nearest] if abs(math.log(variance / guesses[nearest])) < 0.13 else ""
            hint = small.get("hint", hint)
            expected = "the mean variance of the gradient's entries over the runs"
            raise Wrong(asked, expected, "another number", "", hint, "Which runs, which entries?")


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


def check_traversal(
    student: Student, toy: AffineModel, x: torch.Tensor, dims: Sequence[int], values: Sequence[float]
) -> torch.Tensor:
    """Compare a traversal with the formula."""
    return expect.close(
        student.latent_traversal(placed(student, toy), x, list(dims), list(values)),
        oracles.traversal(toy, x, list(dims), list(values)),
        asked=call("latent_traversal", model=..., x=x, dims=..., values=...)
        + f", {len(dims)} dims, {len(values)} values",
        hint=lambda got: (
            mistakes.recognise("latent_traversal", got, toy, x, list(dims), list(values))
            or expect.unsteady(lambda: student.latent_traversal(placed(student, toy), x, list(dims), list(values)), got)
        ),
        todo="Start from the posterior mean for every single image.",
        example=lambda: public.example(student, "latent_traversal", placed),
        shape_todo="One row of images for every dimension, one column for every value.",
    )


def check_manners(
    earlier: "Earlier", seen: Inspection, before: State, after: State, asked: str, x: torch.Tensor
) -> None:
    """Check that a call printed nothing and changed neither x nor the model, but for what earlier functions do."""
    if not earlier.prints:
        expect.silent(seen, asked=asked)
    if not earlier.changes:
        expect.surroundings_kept(seen, asked=asked)
    expect.inputs_kept(seen, {"model": ..., "x": x}, asked=asked)
    if not earlier.changes:
        expect.state_kept(before, after, asked=asked)


def likelihood_call(x: torch.Tensor, num_samples: int, chunk_size: int) -> str:
    """Return a call of log_likelihood in words."""
    return call("log_likelihood", model=..., x=x, num_samples=num_samples, chunk_size=chunk_size, generator=...)


def check_estimate(
    student: Student, toy: AffineModel, x: torch.Tensor, largest: float, num_samples: int, chunk_size: int, draw: Draw
) -> None:
    """Compare log_likelihood with log p(x) of a model whose weights are at most `largest`, by the Chernoff bound."""
    asked = likelihood_call(x, num_samples, chunk_size)
    got = student.log_likelihood(placed(student, toy), x, num_samples, chunk_size, generator=Seed(draw.seed()))
    bounds = expect.tensor(got, (len(x),), x.dtype, asked=asked, todo="One value for every image.")
    shares = (torch.exp(bounds.double()) / largest).clamp_max(1.0)
    finding = statistics.proportions_are(
        shares * num_samples, torch.exp(toy.log_likelihood(x)) / largest, num_samples, statistics.ALPHA / 3
    )
    if finding:
        return

    def own():
        return own_bounds(student, lambda: placed(student, toy), x, toy.latent_dim, num_samples, draw, toy)

    if any(expect.equal(got, value) for value in accepted(got, own)):
        return
    todo = "Is the logarithm taken once, of the mean over all samples, each with noise of its own?"
    raise Wrong(asked, "log p(x), which so many samples come close to", "other values", advice=todo)


# --- what a student's own functions make of it ------------------------------------------------------------------------


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
    for _ in range(TRIES):
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


def untidy(student: Student, name: str, log_w: torch.Tensor) -> bool:
    """Return whether an earlier function of log weights prints or changes them: that is judged with it."""
    seen = attempt(lambda: student.inspect(name, log_w.clone()))
    return seen is not None and (bool(seen.printed) or not expect.identical(seen.arguments[0], log_w))


@dataclass(frozen=True)
class Earlier:
    """What a student's log_weights and iwae_bound do besides answering rightly: that is judged with them.

    Attributes:
        prints: one of them prints. changes: log_weights changes the model or a mode. deaf: log_weights gives the same
            for all noise. draws: it draws noise of its own. shares_noise: log_weights gives images that are alike the same, whatever their noise.
    """

    prints: bool
    changes: bool
    deaf: bool
    draws: bool
    shares_noise: bool

    @property
    def generator_ignored(self) -> str:
        """What to say where a seed does not decide an answer; nothing where log_weights may be the reason."""
        return "" if self.draws else SAID["generator_ignored"]

    @classmethod
    def of(cls, student: Student, draw: Draw) -> "Earlier":
        """Return what is known of a submission."""
        toy, eps = AffineModel.drawn(draw, 2), draw.normal(2, 3, 4, 2)
        x, alike = distinct(draw, 4), torch.ones(4, *SHAPE, dtype=torch.float64)
        model = placed(student, toy)
        for part in ("encoder", "decoder"):
            model.attribute(part).train()
        before = model.state()
        seen = [attempt(lambda e=e: student.inspect("log_weights", model, x, e)) for e in eps]
        again = attempt(lambda: student.log_weights(model, x, eps[0]))
        bound = attempt(lambda: student.inspect("iwae_bound", draw.normal(3, 4)))
        at_rest = placed(student, toy)
        rest = at_rest.state()
        resting = attempt(lambda: student.inspect("log_weights", at_rest, x, eps[0]))
        disturbed = expect.changes(rest, at_rest.state()) is not None or bool(resting and resting.surroundings)
        after, same = model.state(), attempt(lambda: student.log_weights(model, alike, eps[0]))
        values = [inspection.value for inspection in seen if inspection is not None and expect.varies(inspection.value)]
        return cls(
            prints=any(inspection is not None and bool(inspection.printed) for inspection in (*seen, bound)),
            changes=disturbed or expect.changes(before, after) is not None,
            deaf=len(values) == 2 and expect.identical(*values),
            draws=bool(values) and expect.varies(again) and not expect.identical(again, values[0]),
            shares_noise=isinstance(same, torch.Tensor)
            and same.shape == (3, 4)
            and expect.equal(same, same[:, :1].expand(3, 4)),
        )


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


def dependent(student: Student, draw: Draw) -> bool:
    """Return whether the student's log weights depend on the image: those of nonsense need not be followed."""
    toy, x, eps = AffineModel.drawn(draw, 2), distinct(draw, 4), draw.normal(3, 4, 2)
    return expect.varies(attempt(lambda: student.log_weights(placed(student, toy), x, eps)))


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
