"""Hidden tests of sample."""

import math

import torch

from autograder.judging import expect, oracles, sentences, statistics
from autograder.judging.draw import Draw
from autograder.judging.expect import attempt
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.kernel.wire import Seed
from autograder.reporting.points import Kind
from autograder.suite.asking import SHAPE, reseeds
from autograder.suite.question import UNASKED, Question
from autograder.suite.vae.follow import manners, readings
from autograder.suite.vae.shared import ENOUGH, EXTREME, Earlier, ask, at_prior, installed


@worth("sample")
def test_sample_returns_binary_images(student, draw):
    """vae.sample(n) returns n images of zeros and ones in the parameters' dtype, without gradient, also for n = 1."""
    for n, dtype, prior in ((1, torch.float64, False), (5, torch.float32, False), (3, torch.float64, True)):
        toy = AffineModel.drawn(draw, 2, prior=prior, dtype=dtype)
        question = sample(student, toy, n)
        got = images(question, dtype)
        own = attempt(lambda dtype=dtype: student.bernoulli_sample(draw.normal(200, *SHAPE, dtype=dtype)))
        binary = isinstance(own, torch.Tensor) and bool(((own == 0) | (own == 1)).all())
        if (binary or own is None) and not bool(((got == 0) | (got == 1)).all()):
            hint = (
                sentences.PROBABILITIES if bool(((got - got.round()).abs() > 0.01).any()) else sentences.GRADIENT_LEFT
            )
            raise question.wrong("only zeros and ones", "other numbers", hint=hint)
        certain_pixels_are_right(student, toy, n, dtype, draw)


@worth("sample", 2)
def test_sample_draws_codes_from_the_prior(student, draw):
    """Codes are independent draws from N(0, I), or from the model's prior where it has one (chi-square and DKW bounds
    at 1e-9)."""
    cuts = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    share = torch.diff(oracles.normal_cdf(torch.tensor([-math.inf, -1.0, 0.0, 1.0, math.inf], dtype=torch.float64)))
    alpha = statistics.ALPHA / 4
    question = sample(student, dividing(cuts, cuts), ENOUGH, generator=Seed(draw.seed()))
    for ones in readings(student, images(question)):
        bins = ones.reshape(ENOUGH, 2, 3).sum(-1)  # 0 to 3: between which cuts each of the two coordinates lies
        counts = torch.bincount(bins[:, 0] * 4 + bins[:, 1], minlength=16).double()
        joint = statistics.counts_agree(counts, torch.outer(share, share).flatten(), alpha)
        positive = ones[:, 0, 0, 1]  # whether the first coordinate is
        alike = (positive[0::2] == positive[1::2]).sum()  # in disjoint pairs of images
        pairs = statistics.proportions_are(alike[None], torch.tensor([0.5]), ENOUGH // 2, alpha)
        if joint and pairs:
            break
    else:
        expected, todo = "codes z that are independent standard normal", "Draw z with randn, of shape (n, latent_dim)."
        raise question.wrong(expected, "codes that are not", todo)
    mean, log_var = draw.normal(2, shift=2.0), draw.uniform(2, low=-2.0, high=-1.0)
    toy = dividing(*(mean[:, None] + torch.exp(log_var / 2)[:, None] * cuts)).changed(prior=(mean, log_var))
    question = sample(student, toy, ENOUGH, generator=Seed(draw.seed())).adding("model with a prior")
    for ones in readings(student, images(question)):
        below = 1 - ones.double().mean(0).reshape(2, 3)
        if all(statistics.distribution_is(below[d], oracles.normal_cdf(cuts), ENOUGH, alpha) for d in range(2)):
            break
    else:
        expected, came = "codes from that prior", "codes from another distribution"
        raise question.wrong(expected, came, hint=sentences.PRIOR_IGNORED)


@worth("sample")
def test_sample_draws_pixels_from_the_logits(student, draw):
    """Pixels are Bernoulli draws with the decoder's logits, not their means and not a threshold (Chernoff bound at
    1e-9)."""
    bias = draw.uniform(6, low=0.4, high=2.0) * signs(draw, 6)
    toy = at_prior(AffineModel.drawn(draw, 2)).changed(bias=bias)
    question = sample(student, toy, ENOUGH, generator=Seed(draw.seed()))
    got = images(question).double()
    share = got.mean(0).flatten()
    finding = statistics.proportions_are((share * ENOUGH).clamp(0, ENOUGH), torch.sigmoid(bias), ENOUGH)
    if not finding:
        logits = bias.reshape(SHAPE).expand(ENOUGH, *SHAPE).clone()
        own = attempt(lambda: student.bernoulli_sample(logits, generator=Seed(draw.seed())))
        if isinstance(own, torch.Tensor) and own.shape == got.shape and expect.varies(own):
            own = own.detach().double()
            finding = statistics.same_shares(share, own.mean(0).flatten(), ENOUGH, float(own.max() - own.min()) or 1e-9)
    hint = sentences.THRESHOLDED if torch.equal(share, (bias > 0).double()) else ""
    hint = sentences.PROBABILITIES if bool(((got - got.round()).abs() > 0.01).any()) else hint
    question.agrees(finding, "ones with probability σ(logit) in every pixel", "other frequencies", hint=hint)


@worth("sample", 2, Kind.CARE)
def test_sample_follows_its_generator(student, draw):
    """A generator makes codes and pixels reproducible, another seed gives others, and torch's global generator is left
    alone."""
    cuts = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    logits, seed = draw.normal(50, *SHAPE), draw.seed()
    alone, follows = manners(student, logits, seed)
    prior = (draw.normal(2), draw.normal(2, scale=0.1))
    certain = dividing(cuts, cuts)
    toys = [certain, certain.changed(prior=prior)]
    toys += [at_prior(AffineModel.drawn(draw, 2)), AffineModel.drawn(draw, 2, prior=True)] if follows else []
    for toy in toys:
        sample(student, toy, 50).follows_its_generator(seed, images, alone=alone, same="")


@worth("sample", kind=Kind.CARE)
def test_sample_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, no gradient reaches the model, and the model and its submodules' modes stay as they were."""
    toy = AffineModel.drawn(draw, 2)
    question = sample(student, toy, 4)
    vae = question.owner()
    vae.attribute("decoder").train()
    before, logits = vae.state(), draw.normal(4, *SHAPE)
    seen = question.inspected()
    own = attempt(lambda: student.inspect("bernoulli_sample", logits))
    lets = attempt(lambda: student.gradient("bernoulli_sample", logits).inputs[0])
    images(question, got=seen.value)
    if lets is None or not bool(lets.any()):
        question.leaves_no_gradient(parameters_of=vae)
    if own is None or not own.printed:
        question.prints_nothing(seen)
    question.keeps_state(before, vae.state())
    certain_pixels_are_right(student, toy, 4, torch.float64, draw)
    question.keeps_models(Earlier(student, draw), draws=True)
    if own is None or not reseeds(student, lambda: student.bernoulli_sample(logits), draw):
        question.keeps_seed(draw)


def sample(student: Student, toy: AffineModel, n: int, **generator: Seed) -> Question:
    """Return the question for n images of a toy, put into a VAE of the student's."""
    question = ask(student, "sample", n=n, **generator).on(lambda student: installed(student, toy), "vae")
    question.toy = toy
    return question


def images(question: Question, dtype: torch.dtype | None = None, got: object = UNASKED) -> torch.Tensor:
    """Return the images that were drawn, where they are of the right kind; a dtype that bernoulli_sample has brought in is judged
    there."""
    got, n = question.answer() if got is UNASKED else got, question.arguments["n"]
    if isinstance(got, torch.Tensor) and not got.is_floating_point():
        zeros = torch.zeros(1, *SHAPE, dtype=dtype or torch.float64)
        own = attempt(lambda: question.student.bernoulli_sample(zeros, Seed(0)))
        got = got.to(dtype or torch.float64) if isinstance(own, torch.Tensor) and own.dtype == got.dtype else got
    return question.is_like((n, *SHAPE), dtype, got=got)


def signs(draw: Draw, n: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Return n ones of either sign, both among them: of one sign alone, a threshold would give one value for all pixels."""
    found = 2 * draw.binary(n, dtype=dtype) - 1
    if n > 1 and bool((found == found[0]).all()):
        found[0] = -found[0]
    return found


def certain_pixels_are_right(student: Student, toy: AffineModel, n: int, dtype: torch.dtype, draw: Draw) -> None:
    """Demand right samples of a model whose every pixel is certain, as the student's own bernoulli_sample marks pixels."""
    bias = EXTREME * signs(draw, toy.pixels, dtype)
    question = sample(student, at_prior(toy).changed(bias=bias), n).adding("model whose logits are all ±10,000")
    got = images(question)
    want = (bias > 0).reshape(toy.shape).expand(got.shape)
    logits = bias.reshape(toy.shape).expand(got.shape).clone()
    own = attempt(lambda: student.bernoulli_sample(logits))
    if not any(torch.equal(ones, want) for ones in readings(student, got)) and not (
        expect.varies(own) and expect.identical(own, got)
    ):
        raise question.wrong("1 where the logit is 10,000 and 0 where it is -10,000", "something else")


def dividing(first: torch.Tensor, second: torch.Tensor) -> AffineModel:
    """Return a toy whose pixels say on which side of three cuts each of its two latent coordinates lies."""
    sides = torch.tensor([[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 3, dtype=torch.float64)
    none = torch.zeros(2, 6, dtype=torch.float64)
    return AffineModel(
        none, none[:, 0], none, none[:, 0], EXTREME * sides, -EXTREME * torch.cat([first, second]), SHAPE
    )
