"""Hidden tests of log_likelihood."""

import math
from collections.abc import Callable

import torch

from autograder.judging import expect, oracles, sentences, statistics
from autograder.judging.draw import Draw
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.kernel.wire import Seed
from autograder.reporting.points import Kind
from autograder.suite.asking import SHAPE, infinite, placed
from autograder.suite.iwae.follow import accepted, infinite_with_own_weights, own_bounds, own_scripted_weights
from autograder.suite.iwae.shared import Earlier, ask, changes_nothing, image, scripted_at, with_posterior, without_code
from autograder.suite.question import Question

COUNTS = ((12, 5), (12, 4), (10, 7), (7, 20), (5, 1), (1, 1))  # num_samples, chunk_size


IMAGE = "One value for every image."


@worth("log_likelihood", 3)
def test_log_likelihood_is_the_bound_over_all_chunks(student, draw):
    """It is the logarithm of the mean of all num_samples weights, whatever the chunk_size: a divisor, no divisor, one,
    or more than there are samples."""
    for num_samples, chunk_size in COUNTS:
        log_p = draw.uniform(num_samples + chunk_size, low=-5.0, high=-0.5)
        is_bound_of(student, log_p, num_samples, chunk_size, draw)


@worth("log_likelihood")
def test_log_likelihood_keeps_images_apart(student, draw):
    """Each image has its own value: where q(z|x) is the prior and z explains nothing, that is log p(x), whatever the
    noise."""
    for batch, latent_dim, prior in ((5, 3, True), (4, 3, False), (1, 2, True)):
        toy = without_code(AffineModel.drawn(draw, latent_dim, prior=prior))
        none = torch.zeros(latent_dim, dtype=torch.float64)
        toy, x = with_posterior(toy, *(toy.prior or (none, none))), draw.binary(batch, *SHAPE)
        eps = torch.zeros(1, batch, latent_dim, dtype=torch.float64)
        for num_samples, chunk_size in ((3, 3), (7, 3), (4, 1)):
            question = likelihood(student, toy, x, num_samples, chunk_size, draw.seed())
            got = question.answer()
            todo = "All weights of an image are equal here, so their mean is one of them."
            want, own = oracles.log_weights(toy, x, eps)[0], replicates(question, draw)
            question.equals(want, got=got, also=accepted(got, own), todo=todo, shape=IMAGE)


@worth("log_likelihood", 2)
def test_log_likelihood_comes_close_to_log_p(student, draw):
    """With many samples it comes close to log p(x), known by quadrature, chunk by chunk or at once (Chernoff bound at
    1e-9)."""
    width, off = 1.5, 0.5  # q(z|x) is wider than the prior, so that no weight exceeds `largest`
    largest = width * math.exp(off**2 / (2 * (width**2 - 1)))
    toy = AffineModel.drawn(draw, 1, (1, 1, 2)).changed(weight=torch.tensor([[3.0], [-4.0]], dtype=torch.float64))
    mean, log_var = torch.tensor([[off], [2 * math.log(width)]], dtype=torch.float64)
    toy, x = with_posterior(toy, mean, log_var), oracles.all_images(1, 2)
    for num_samples, chunk_size in ((4000, 4000), (4000, 700), (2000, 2)):
        question = likelihood(student, toy, x, num_samples, chunk_size, draw.seed())
        got = question.is_like((len(x),), x.dtype, todo=IMAGE)
        shares = (torch.exp(got.double()) / largest).clamp_max(1.0)
        truth = torch.exp(toy.log_likelihood(x)) / largest
        if statistics.proportions_are(shares * num_samples, truth, num_samples, statistics.ALPHA / 3):
            continue
        if not any(expect.equal(got, value) for value in accepted(got, replicates(question, draw))):
            advice = "Is the logarithm taken once, of the mean over all samples, each with noise of its own?"
            raise question.wrong("log p(x), which so many samples come close to", "other values", advice=advice)


@worth("log_likelihood")
def test_log_likelihood_is_exact_for_extreme_weights(student, draw):
    """It is finite and exact where the weights underflow, and where a late chunk outweighs all others, in float64 and
    float32."""
    for dtype in (torch.float64, torch.float32):
        log_p = draw.normal(20, scale=20.0, shift=-9e3, dtype=dtype)
        late = torch.cat([log_p[:8], log_p[8:] + 500.0])
        for values in (log_p, late, late.flip(0)):
            is_bound_of(student, values, 12, 5, draw)


@worth("log_likelihood", 2, Kind.CARE)
def test_log_likelihood_decodes_in_chunks(student, draw):
    """No call of the decoder gets more than chunk_size codes an image, and all of num_samples are decoded."""
    toy, x = AffineModel.drawn(draw, 3), draw.binary(4, *SHAPE)
    for num_samples, chunk_size in ((20, 5), (11, 4), (3, 10)):
        question = likelihood(student, toy, x, num_samples, chunk_size, draw.seed())
        seen = question.watched(question.placed("model"))
        question.is_varied(question.is_like((4,), x.dtype, got=seen.value))
        _, largest, total = (n // toy.latent_dim for n in seen.parts.get("decoder", (0, 0, 0)))
        if largest > chunk_size * len(x):
            expected = "calls of the decoder with at most chunk_size codes an image"
            raise question.wrong(expected, f"one of {largest} codes for {len(x)} images", hint=sentences.MEMORY_GROWS)
        if total < num_samples * len(x):
            came = f"{total} codes for {len(x)} images"
            raise question.wrong("num_samples codes decoded for every image", came, hint=sentences.SAMPLES_LEFT_OUT)


@worth("log_likelihood", 2, Kind.CARE)
def test_log_likelihood_takes_no_more_memory_for_more_samples(student, draw):
    """The bytes of tensors alive at once are the same for 500 and for 5000 samples, up to a fifth."""
    toy, x, peaks = AffineModel.drawn(draw, 50, (1, 28, 28)), image(draw), []
    # images of few pixels: there wrong weights that are exponentiated are not all the same yet
    few, two = AffineModel.drawn(draw, 2), draw.binary(1, *SHAPE)
    question = likelihood(student, few, torch.cat([two, 1 - two]), 5, 5, draw.seed())
    got = question.answer()
    if not infinite(got):
        question.is_varied(question.is_like((2,), x.dtype, got=got))
    for num_samples in (500, 5000):
        question = likelihood(student, toy, x, num_samples, 100, draw.seed())
        seen = question.watched(question.placed("model"))
        if not infinite(seen.value):
            question.is_like((1,), x.dtype, got=seen.value, todo=IMAGE)
        peaks.append(seen.peak_bytes)
    if not 0 < peaks[1] <= 1.2 * peaks[0]:
        came = f"{peaks[1] / max(1, peaks[0]):.1f} times as much"
        raise question.wrong("as much memory as with 500 samples", came, hint=sentences.MEMORY_GROWS)


@worth("log_likelihood", 2, Kind.CARE)
def test_log_likelihood_follows_its_generator(student, draw):
    """A generator makes it reproducible, another seed gives another estimate, torch's global generator is left alone,
    and without one the noise is new in every call."""
    toy, x = AffineModel.drawn(draw, 2), draw.binary(5, *SHAPE)
    earlier = Earlier.of(student, draw)
    seed = draw.seed()
    question = likelihood(student, toy, x, 7, 3, seed)
    if earlier.deaf or earlier.draws:
        question.is_varied(question.is_like((5,)))
        return
    question.follows_its_generator(seed, lambda question: question.is_like((5,)))
    question.given().adding("without a generator")
    if expect.identical(question.answer(), question.answer()):
        raise question.wrong("new noise in every call", "the same values twice", hint=sentences.EPS_FIXED)


@worth("log_likelihood")
def test_log_likelihood_draws_noise_for_every_sample(student, draw):
    """Noise differs between chunks and between images, also those that are alike."""
    toy, x = AffineModel.drawn(draw, 6), draw.binary(1, *SHAPE).expand(6, *SHAPE).clone()
    seed, earlier = draw.seed(), Earlier.of(student, draw)
    is_bound_of(student, draw.uniform(12, low=-5.0, high=-0.5), 7, 3, draw)
    questions = [likelihood(student, toy, x, n, 1, seed).adding("all images alike") for n in (1, 6)]
    one, six = (question.is_like((6,), x.dtype, todo=IMAGE) for question in questions)
    if not earlier.deaf and not earlier.shares_noise and not expect.varies(one):
        expected = "values that differ with the noise of each image"
        raise questions[0].wrong(expected, "equal ones", hint=sentences.NOISE_REPEATED)
    if not earlier.deaf and expect.equal(one, six):
        raise questions[1].wrong("other values than with one sample", "the same", hint=sentences.NOISE_REPEATED)


@worth("log_likelihood", 2, Kind.CARE)
def test_log_likelihood_leaves_its_surroundings_alone(student, draw):
    """It carries no gradient, prints nothing, answers in the dtype of x, and changes neither x nor the model nor any
    submodule's mode."""
    earlier = Earlier.of(student, draw)
    is_bound_of(student, draw.uniform(10, low=-5.0, high=-0.5), 7, 3, draw)
    for dtype in (torch.float64, torch.float32):
        toy, x = AffineModel.drawn(draw, 2, prior=True, dtype=dtype), draw.binary(5, *SHAPE, dtype=dtype)
        question = likelihood(student, toy, x, 7, 3)
        model = question.placed("model")
        model.attribute("decoder").train()
        before, seen = model.state(), question.inspected()
        question.is_varied(question.is_like((5,), dtype, got=seen.value, todo=IMAGE))
        changes_nothing(question, seen, before, model.state(), earlier)
    toy, x = AffineModel.drawn(draw, 2, prior=True), draw.binary(5, *SHAPE)
    question = likelihood(student, toy, x, 7, 3)
    question.leaves_no_gradient(question.placed("model"))
    if not earlier.changes:
        likelihood(student, toy, x, 7, 3, 7).keeps_models()
        question.keeps_seed(draw)


def likelihood(
    student: Student,
    toy: AffineModel | None,
    x: torch.Tensor,
    num_samples: int,
    chunk_size: int,
    seed: int | None = None,
    build: Callable[[Student], Handle] | None = None,
) -> Question:
    """Return the question for the bound of a toy, or of the model that `build` makes, with a generator where a seed is given."""
    model = build or (lambda student: placed(student, toy))
    question = ask(student, "log_likelihood", model=model, x=x, num_samples=num_samples, chunk_size=chunk_size)
    question.toy = toy
    return question if seed is None else question.given(generator=Seed(seed))


def is_bound_of(student: Student, log_p: torch.Tensor, num_samples: int, chunk_size: int, draw: Draw) -> None:
    """Demand the logarithm of the mean of known weights, or what the student's earlier functions make of them; log_p has more
    weights than are asked."""
    x = torch.ones(1, 1, 1, 1, dtype=log_p.dtype)

    def build(student: Student) -> Handle:
        return scripted_at(student, log_p)

    question = likelihood(student, None, x, num_samples, chunk_size, draw.seed(), build)
    got = question.answer()
    if isinstance(got, torch.Tensor) and got.dtype == torch.float64:
        got = got.to(log_p.dtype)  # more precise than asked is judged apart
    if infinite(got) and infinite_with_own_weights(student, log_p, x, num_samples):
        return
    own = {"log_weights": own_scripted_weights(student, log_p, x)}
    question.behind(own).looking_last(lambda found: sentences.SUM_ITSELF if infinite(found) else "").equals(
        oracles.importance_bound(log_p[:num_samples, None]),
        got=got,
        also=accepted(got, lambda: own_bounds(student, lambda: build(student), x, 1, num_samples, draw, log_p)),
        todo="Follow two chunks by hand, the second one smaller than the first.",
        shape=IMAGE,
    )


def replicates(question: Question, draw: Draw) -> Callable[[], list[torch.Tensor]]:
    """Return what makes bounds of a toy as the student's earlier functions lead to them, for other noise."""
    toy, x, num_samples = question.toy, question.arguments["x"], question.arguments["num_samples"]
    model = question.placed("model")
    return lambda: own_bounds(question.student, lambda: model, x, toy.latent_dim, num_samples, draw, toy)
