"""Hidden tests of sample."""

import math
from collections.abc import Callable, Iterator

import torch

from autograder.judging import expect, oracles, statistics
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, attempt, call
from autograder.judging.mistakes import SAID
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.kernel.wire import Seed
from autograder.suite.asking import SHAPE, check_generator, check_models_kept, check_seeding, fresh_chance, reseeds
from autograder.suite.vae.shared import ENOUGH, EXTREME, Earlier, at_prior, installed


@worth("sample")
def test_sample_returns_binary_images(student, draw):
    """vae.sample(n) returns n images of zeros and ones in the parameters' dtype, without gradient, also for n = 1."""
    for n, dtype, prior in ((1, torch.float64, False), (5, torch.float32, False), (3, torch.float64, True)):
        toy = AffineModel.drawn(draw, 2, prior=prior, dtype=dtype)
        asked = call("vae.sample", n=n)
        got = drawn_images(student, installed(student, toy).sample(n), n, dtype, asked)
        own = attempt(lambda dtype=dtype: student.bernoulli_sample(draw.normal(200, *SHAPE, dtype=dtype)))
        binary = isinstance(own, torch.Tensor) and bool(((own == 0) | (own == 1)).all())
        if (binary or own is None) and not bool(((got == 0) | (got == 1)).all()):
            raise Wrong(
                asked,
                "only zeros and ones",
                "other numbers",
                "",
                SAID["probabilities"] if bool(((got - got.round()).abs() > 0.01).any()) else SAID["gradient_left"],
            )
        check_certain(student, toy, n, dtype, draw)


@worth("sample", 2)
def test_sample_draws_codes_from_the_prior(student, draw):
    """Codes are independent draws from N(0, I), or from the model's prior where it has one (chi-square and DKW bounds
    at 1e-9)."""
    cuts = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    share = torch.diff(oracles.normal_cdf(torch.tensor([-math.inf, -1.0, 0.0, 1.0, math.inf], dtype=torch.float64)))
    asked, alpha = call("vae.sample", n=ENOUGH, generator=...), statistics.ALPHA / 4
    toy = dividing(cuts, cuts)
    got = drawn_images(student, installed(student, toy).sample(ENOUGH, Seed(draw.seed())), ENOUGH, None, asked)
    expected = "codes z that are independent standard normal"
    for ones in readings(student, got):
        bins = ones.reshape(ENOUGH, 2, 3).sum(-1)  # 0 to 3: between which cuts each of the two coordinates lies
        counts = torch.bincount(bins[:, 0] * 4 + bins[:, 1], minlength=16).double()
        joint = statistics.counts_agree(counts, torch.outer(share, share).flatten(), alpha)
        positive = ones[:, 0, 0, 1]  # whether the first coordinate is
        alike = (positive[0::2] == positive[1::2]).sum()  # in disjoint pairs of images
        pairs = statistics.proportions_are(alike[None], torch.tensor([0.5]), ENOUGH // 2, alpha)
        if joint and pairs:
            break
    else:
        raise Wrong(asked, expected, "codes that are not", "Draw z with randn, of shape (n, latent_dim).")
    mean, log_var = draw.normal(2, shift=2.0), draw.uniform(2, low=-2.0, high=-1.0)
    toy = dividing(*(mean[:, None] + torch.exp(log_var / 2)[:, None] * cuts)).changed(prior=(mean, log_var))
    got = drawn_images(student, installed(student, toy).sample(ENOUGH, Seed(draw.seed())), ENOUGH, None, asked)
    for ones in readings(student, got):
        below = 1 - ones.double().mean(0).reshape(2, 3)
        if all(statistics.distribution_is(below[d], oracles.normal_cdf(cuts), ENOUGH, alpha) for d in range(2)):
            break
    else:
        raise Wrong(
            asked + ", model with a prior",
            "codes from that prior",
            "codes from another distribution",
            "",
            SAID["prior_ignored"],
        )


@worth("sample")
def test_sample_draws_pixels_from_the_logits(student, draw):
    """Pixels are Bernoulli draws with the decoder's logits, not their means and not a threshold (Chernoff bound at
    1e-9)."""
    bias = draw.uniform(6, low=0.4, high=2.0) * signs(draw, 6)
    toy = at_prior(AffineModel.drawn(draw, 2)).changed(bias=bias)
    asked = call("vae.sample", n=ENOUGH, generator=...)
    got = drawn_images(student, installed(student, toy).sample(ENOUGH, Seed(draw.seed())), ENOUGH, None, asked).double()
    share = got.mean(0).flatten()
    finding = statistics.proportions_are((share * ENOUGH).clamp(0, ENOUGH), torch.sigmoid(bias), ENOUGH)
    if not finding:
        logits = bias.reshape(SHAPE).expand(ENOUGH, *SHAPE).clone()
        own = attempt(lambda: student.bernoulli_sample(logits, generator=Seed(draw.seed())))
        if isinstance(own, torch.Tensor) and own.shape == got.shape and expect.varies(own):
            own = own.detach().double()
            finding = statistics.same_shares(share, own.mean(0).flatten(), ENOUGH, float(own.max() - own.min()) or 1e-9)
    hint = SAID["thresholded"] if torch.equal(share, (bias > 0).double()) else ""
    hint = SAID["probabilities"] if bool(((got - got.round()).abs() > 0.01).any()) else hint
    expect.agrees(
        finding,
        asked=asked,
        expected="ones with probability σ(logit) in every pixel",
        got="other frequencies",
        hint=hint,
    )


@worth("sample", 2)
def test_sample_follows_its_generator(student, draw):
    """A generator makes codes and pixels reproducible, another seed gives others, and torch's global generator is left
    alone."""
    cuts = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    logits, seed = draw.normal(50, *SHAPE), draw.seed()
    asked = call("vae.sample", n=50, generator=...)
    alone, follows = manners(student, lambda generator: student.bernoulli_sample(logits, generator=generator), seed)
    prior = (draw.normal(2), draw.normal(2, scale=0.1))
    certain = dividing(cuts, cuts)
    toys = [certain, certain.changed(prior=prior)]
    toys += [at_prior(AffineModel.drawn(draw, 2)), AffineModel.drawn(draw, 2, prior=True)] if follows else []
    for toy in toys:
        vae = installed(student, toy)

        def sample(generator, vae=vae):
            return drawn_images(student, vae.sample(50, generator=generator), 50, None, asked)

        check_generator(student, sample, seed, (50, *SHAPE), asked, alone, same="")


@worth("sample")
def test_sample_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, no gradient reaches the model, and the model and its submodules' modes stay as they were."""
    toy = AffineModel.drawn(draw, 2)
    vae = installed(student, toy)
    vae.attribute("decoder").train()
    asked, before, logits = call("vae.sample", n=4), vae.state(), draw.normal(4, *SHAPE)
    seen = student.inspect((vae, "sample"), 4)
    own = attempt(lambda: student.inspect("bernoulli_sample", logits))
    lets = attempt(lambda: student.gradient("bernoulli_sample", logits).inputs[0])
    drawn_images(student, seen.value, 4, None, asked)
    reached = student.gradient((vae, "sample"), 4, wrt=(), parameters_of=vae).parameters.values()
    if (lets is None or not bool(lets.any())) and any(g is not None and bool(g.any()) for g in reached):
        raise Wrong(asked, "images that carry no gradient", "some that do", "", SAID["gradient_left"])
    if own is None or not own.printed:
        expect.silent(seen, asked=asked)
    expect.state_kept(before, vae.state(), asked=asked)
    check_certain(student, toy, 4, torch.float64, draw)
    earlier = Earlier(student, draw)
    check_models_kept(
        student,
        toy,
        lambda model: student.inspect((model, "sample"), 4),
        asked,
        build=installed,
        earlier=earlier,
        draws=True,
    )
    if own is None or not reseeds(student, lambda: student.bernoulli_sample(logits), draw):
        check_seeding(student, lambda: vae.sample(4), draw, asked)


def manners(student: Student, sample: Callable[[Seed], object], seed: int) -> tuple[bool, bool]:
    """Return whether a sampling function leaves the global generator alone, and whether it follows the one it is
    given."""
    chance = fresh_chance(student)
    first, again, other = (attempt(lambda s=s: sample(Seed(s))) for s in (seed, seed, seed + 1))
    return torch.equal(chance, student.global_rng()), expect.identical(first, again) and not expect.identical(
        first, other
    )


def signs(draw: Draw, n: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Return n ones of either sign, both among them: of one sign alone, a threshold would give one value for all pixels."""
    found = 2 * draw.binary(n, dtype=dtype) - 1
    if n > 1 and bool((found == found[0]).all()):
        found[0] = -found[0]
    return found


def check_certain(student: Student, toy: AffineModel, n: int, dtype: torch.dtype, draw: Draw) -> None:
    """Check samples of a model whose every pixel is certain, as the student's own bernoulli_sample marks pixels."""
    bias = EXTREME * signs(draw, toy.pixels, dtype)
    certain = at_prior(toy).changed(bias=bias)
    asked = call("vae.sample", n=n) + ", model whose logits are all ±10,000"
    got = drawn_images(student, installed(student, certain).sample(n), n, None, asked)
    want = (bias > 0).reshape(toy.shape).expand(got.shape)
    logits = bias.reshape(toy.shape).expand(got.shape).clone()
    own = attempt(lambda: student.bernoulli_sample(logits))
    if not any(torch.equal(ones, want) for ones in readings(student, got)) and not (
        expect.varies(own) and expect.identical(own, got)
    ):
        raise Wrong(asked, "1 where the logit is 10,000 and 0 where it is -10,000", "something else", "")


def dividing(first: torch.Tensor, second: torch.Tensor) -> AffineModel:
    """Return a toy whose pixels say on which side of three cuts each of its two latent coordinates lies."""
    sides = torch.tensor([[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 3, dtype=torch.float64)
    none = torch.zeros(2, 6, dtype=torch.float64)
    return AffineModel(
        none, none[:, 0], none, none[:, 0], EXTREME * sides, -EXTREME * torch.cat([first, second]), SHAPE
    )


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


def drawn_images(
    student: Student, got: object, n: int, dtype: torch.dtype | None, asked: str, gradient: bool | None = None
) -> torch.Tensor:
    """Return what `sample` gave, checked for kind; a dtype that bernoulli_sample has brought in is judged there."""
    if isinstance(got, torch.Tensor) and not got.is_floating_point():
        own = attempt(lambda: student.bernoulli_sample(torch.zeros(1, *SHAPE, dtype=dtype or torch.float64), Seed(0)))
        got = got.to(dtype or torch.float64) if isinstance(own, torch.Tensor) and own.dtype == got.dtype else got
    return expect.tensor(got, (n, *SHAPE), dtype, asked=asked, gradient=gradient)
