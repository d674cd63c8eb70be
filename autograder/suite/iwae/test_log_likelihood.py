"""Hidden tests of log_likelihood."""

import math
from collections.abc import Callable, Iterator

import torch

from autograder.judging import expect, mistakes, oracles, statistics
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, attempt, call
from autograder.judging.mistakes import SAID
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.kernel.wire import Seed
from autograder.suite.asking import (
    SHAPE,
    check_generator,
    check_models_kept,
    check_no_gradient,
    check_seeding,
    infinite,
    placed,
)
from autograder.suite.iwae import public
from autograder.suite.iwae.shared import (
    Earlier,
    bound_depends,
    check_manners,
    dependent,
    finite,
    image,
    with_posterior,
    without_code,
)

TRIES = 40  # replicates where an answer is compared with what the student's own functions make of other noise


def scripted(student: Student, log_p: torch.Tensor) -> Handle:
    """Build a model whose n-th sample has the log weight log_p[n] for an image of one pixel that is 1, whatever the
    noise: q is the prior, and the decoder follows a script.

    log_p = log σ(logit) leads to logit = log_p - log(1 - exp log_p), which is log_p where that is far below zero.
    """
    zeros = torch.zeros(1, 1, dtype=log_p.dtype)
    encoder = student.affine_encoder(zeros, zeros[0], zeros, zeros[0])
    table = log_p - torch.log(-torch.expm1(log_p))
    return student.model(encoder, student.scripted_decoder(table[:, None], (1, 1, 1)), latent_dim=1)


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


COUNTS = ((12, 5), (12, 4), (10, 7), (7, 20), (5, 1), (1, 1))  # num_samples, chunk_size


@worth("log_likelihood", 3)
def test_log_likelihood_is_the_bound_over_all_chunks(student, draw):
    """It is the logarithm of the mean of all num_samples weights, whatever the chunk_size: a divisor, no divisor, one,
    or more than there are samples."""
    for num_samples, chunk_size in COUNTS:
        log_p = draw.uniform(num_samples + chunk_size, low=-5.0, high=-0.5)
        check_likelihood(student, log_p, num_samples, chunk_size, draw)


@worth("log_likelihood")
def test_log_likelihood_keeps_images_apart(student, draw):
    """Each image has its own value: where q(z|x) is the prior and z explains nothing, that is log p(x), whatever the
    noise."""
    for batch, latent_dim, prior in ((5, 3, True), (4, 3, False), (1, 2, True)):
        toy = without_code(AffineModel.drawn(draw, latent_dim, prior=prior))
        none = torch.zeros(latent_dim, dtype=torch.float64)
        toy, x = with_posterior(toy, *(toy.prior or (none, none))), draw.binary(batch, *SHAPE)
        for num_samples, chunk_size in ((3, 3), (7, 3), (4, 1)):
            model, asked = placed(student, toy), likelihood_call(x, num_samples, chunk_size)
            got = student.log_likelihood(model, x, num_samples, chunk_size, generator=Seed(draw.seed()))
            eps = torch.zeros(num_samples, batch, latent_dim, dtype=torch.float64)
            log_w = oracles.log_weights(toy, x, eps)
            expect.close(
                got,
                log_w[0],
                asked=asked,
                also=accepted(
                    got,
                    lambda toy=toy, x=x, n=num_samples, model=model: own_bounds(
                        student, lambda: model, x, toy.latent_dim, n, draw, toy
                    ),
                ),
                hint=lambda found, w=log_w, n=num_samples, c=chunk_size: mistakes.recognise(
                    "log_likelihood", found, torch.cat([w, w]), n, c
                ),
                todo="All weights of an image are equal here, so their mean is one of them.",
                shape_todo="One value for every image.",
            )


@worth("log_likelihood", 2)
def test_log_likelihood_comes_close_to_log_p(student, draw):
    """With many samples it comes close to log p(x), known by quadrature, chunk by chunk or at once (Chernoff bound at
    1e-9)."""
    width, off = 1.5, 0.5  # q(z|x) is wider than the prior, so that no weight exceeds `largest`
    largest = width * math.exp(off**2 / (2 * (width**2 - 1)))
    toy = AffineModel.drawn(draw, 1, (1, 1, 2)).changed(weight=torch.tensor([[3.0], [-4.0]], dtype=torch.float64))
    mean, log_var = torch.tensor([[off], [2 * math.log(width)]], dtype=torch.float64)
    x = oracles.all_images(1, 2)
    for num_samples, chunk_size in ((4000, 4000), (4000, 700), (2000, 2)):
        check_estimate(student, with_posterior(toy, mean, log_var), x, largest, num_samples, chunk_size, draw)


@worth("log_likelihood")
def test_log_likelihood_is_exact_for_extreme_weights(student, draw):
    """It is finite and exact where the weights underflow, and where a late chunk outweighs all others, in float64 and
    float32."""
    for dtype in (torch.float64, torch.float32):
        log_p = draw.normal(20, scale=20.0, shift=-9e3, dtype=dtype)
        late = torch.cat([log_p[:8], log_p[8:] + 500.0])
        for values in (log_p, late, late.flip(0)):
            check_likelihood(student, values, 12, 5, draw)


@worth("log_likelihood", 2)
def test_log_likelihood_decodes_in_chunks(student, draw):
    """No call of the decoder gets more than chunk_size codes an image, and all of num_samples are decoded."""
    toy, x = AffineModel.drawn(draw, 3), draw.binary(4, *SHAPE)
    for num_samples, chunk_size in ((20, 5), (11, 4), (3, 10)):
        model, asked = placed(student, toy), likelihood_call(x, num_samples, chunk_size)
        options = {"generator": Seed(draw.seed()), "parts_of": model}
        seen = student.watch("log_likelihood", model, x, num_samples, chunk_size, **options)
        expect.varied(expect.tensor(seen.value, (4,), x.dtype, asked=asked), asked=asked)
        _, largest, total = (n // toy.latent_dim for n in seen.parts.get("decoder", (0, 0, 0)))
        if largest > chunk_size * len(x):
            got = f"one of {largest} codes for {len(x)} images"
            raise Wrong(
                asked, "calls of the decoder with at most chunk_size codes an image", got, "", SAID["memory_grows"]
            )
        if total < num_samples * len(x):
            got = f"{total} codes for {len(x)} images"
            raise Wrong(asked, "num_samples codes decoded for every image", got, "", SAID["samples_left_out"])


@worth("log_likelihood", 2)
def test_log_likelihood_takes_no_more_memory_for_more_samples(student, draw):
    """The bytes of tensors alive at once are the same for 500 and for 5000 samples, up to a fifth."""
    toy, x = AffineModel.drawn(draw, 50, (1, 28, 28)), image(draw)
    model, asked, peaks = placed(student, toy), likelihood_call(x, 5000, 100), []
    # images of few pixels: there wrong weights that are exponentiated are not all the same yet
    few, two = placed(student, AffineModel.drawn(draw, 2)), draw.binary(1, *SHAPE)
    two = torch.cat([two, 1 - two])
    answer = student.log_likelihood(few, two, 5, 5, generator=Seed(draw.seed()))
    if not infinite(answer):
        expect.varied(
            expect.tensor(answer, (2,), x.dtype, asked=likelihood_call(two, 5, 5)), asked=likelihood_call(two, 5, 5)
        )
    for num_samples in (500, 5000):
        options = {"generator": Seed(draw.seed()), "parts_of": model}
        seen = student.watch("log_likelihood", model, x, num_samples, 100, **options)
        if not infinite(seen.value):
            expect.tensor(seen.value, (1,), x.dtype, asked=asked, todo="One value for every image.")
        peaks.append(seen.peak_bytes)
    if not 0 < peaks[1] <= 1.2 * peaks[0]:
        got = f"{peaks[1] / max(1, peaks[0]):.1f} times as much"
        raise Wrong(asked, "as much memory as with 500 samples", got, "", SAID["memory_grows"])


@worth("log_likelihood", 2)
def test_log_likelihood_follows_its_generator(student, draw):
    """A generator makes it reproducible, another seed gives another estimate, torch's global generator is left alone,
    and without one the noise is new in every call."""
    toy, x = AffineModel.drawn(draw, 2), draw.binary(5, *SHAPE)
    model, asked = placed(student, toy), likelihood_call(x, 7, 3)
    earlier = Earlier.of(student, draw)
    if earlier.deaf or earlier.draws:
        answer = student.log_likelihood(model, x, 7, 3, generator=Seed(draw.seed()))
        expect.varied(expect.tensor(answer, (5,), None, asked=asked), asked=asked)
        return
    check_generator(student, lambda g: student.log_likelihood(model, x, 7, 3, generator=g), draw.seed(), (5,), asked)
    first, again = (student.log_likelihood(model, x, 7, 3) for _ in range(2))
    if expect.identical(first, again):
        raise Wrong(asked + " left out", "new noise in every call", "the same values twice", "", SAID["eps_fixed"])


@worth("log_likelihood")
def test_log_likelihood_draws_noise_for_every_sample(student, draw):
    """Noise differs between chunks and between images, also those that are alike."""
    toy, x = AffineModel.drawn(draw, 6), draw.binary(1, *SHAPE).expand(6, *SHAPE).clone()
    model, seed, earlier = placed(student, toy), draw.seed(), Earlier.of(student, draw)
    check_likelihood(student, draw.uniform(12, low=-5.0, high=-0.5), 7, 3, draw)
    answers = []
    for num_samples in (1, 6):
        asked = likelihood_call(x, num_samples, 1) + ", all images alike"
        got = student.log_likelihood(model, x, num_samples, 1, generator=Seed(seed))
        answers.append(expect.tensor(got, (6,), x.dtype, asked=asked, todo="One value for every image."))
    if not earlier.deaf and not earlier.shares_noise and not expect.varies(answers[0]):
        raise Wrong(asked, "values that differ with the noise of each image", "equal ones", "", SAID["noise_repeated"])
    if not earlier.deaf and expect.equal(*answers):
        raise Wrong(asked, "other values than with one sample", "the same", "", SAID["noise_repeated"])


@worth("log_likelihood", 2)
def test_log_likelihood_leaves_its_surroundings_alone(student, draw):
    """It carries no gradient, prints nothing, answers in the dtype of x, and changes neither x nor the model nor any
    submodule's mode."""
    earlier = Earlier.of(student, draw)
    check_likelihood(student, draw.uniform(10, low=-5.0, high=-0.5), 7, 3, draw)
    for dtype in (torch.float64, torch.float32):
        toy, x = AffineModel.drawn(draw, 2, prior=True, dtype=dtype), draw.binary(5, *SHAPE, dtype=dtype)
        model = placed(student, toy)
        model.attribute("decoder").train()
        asked, before = call("log_likelihood", model=..., x=x, num_samples=7, chunk_size=3), model.state()
        seen = student.inspect("log_likelihood", model, x, 7, 3)
        expect.tensor(seen.value, (5,), dtype, asked=asked, todo="One value for every image.")
        expect.varied(seen.value, asked=asked)
        check_manners(earlier, seen, before, model.state(), asked, x=x)
    toy, x = AffineModel.drawn(draw, 2, prior=True), draw.binary(5, *SHAPE)

    def inspect(model):
        return student.inspect("log_likelihood", model, x, 7, 3, generator=Seed(7))

    check_no_gradient(student, "log_likelihood", placed(student, toy), x, 7, 3, asked=asked)
    if not earlier.changes:
        check_models_kept(student, toy, inspect, asked)
        check_seeding(student, lambda: student.log_likelihood(placed(student, toy), x, 7, 3), draw, asked)
