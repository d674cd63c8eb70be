"""Hidden tests of ais."""

from collections.abc import Callable, Sequence

import torch

from autograder.judging import expect, known, oracles, sentences, statistics
from autograder.judging.draw import Draw
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.kernel.wire import Seed
from autograder.reporting.points import Kind
from autograder.suite.asking import SHAPE, infinite, placed
from autograder.suite.gaps.shared import IMAGE, ask, both_float, linear_at
from autograder.suite.gaps.truth import LinearGaussian, below, one_dimension
from autograder.suite.question import Question

ONE_STEP = (0.0, 1.0)
UNEVEN = (0.0, 0.05, 0.3, 0.45, 1.0)
MANY = 10_000  # alike images, each with a chain of its own


@worth("ais", 3)
def test_ais_weighs_a_draw_of_the_prior(student, draw):
    """With betas (0, 1) a chain's weight is p(x|z) at its draw of the prior, whatever the step size is, and the answer is the
    logarithm of the mean weight over the chains."""
    for chains, batch, num_leapfrog, step_size in ((5, 1, 2, 0.4), (1, 4, 3, 0.3), (1, 1, 1, 0.5), (12, 1, 1, 0.2)):
        is_scripted(student, draw, chains, batch, ONE_STEP, num_leapfrog, step_size)


@worth("ais", 2)
def test_ais_stays_where_a_proposal_is_refused(student, draw):
    """With steps so long that every proposal is refused, or has no finite energy, the chains stay where they start, and their
    weights are p(x|z) there: the differences of all betas add up to one."""
    for chains, batch, num_leapfrog, step_size in ((6, 1, 2, 1e5), (1, 4, 3, 1e5), (3, 1, 1, 1e200)):
        is_scripted(student, draw, chains, batch, UNEVEN, num_leapfrog, step_size)


@worth("ais", 2)
def test_ais_keeps_images_apart(student, draw):
    """Each image has its own value, also where it is -1000 nats and less: where z explains nothing, that is log p(x), whatever the
    chains do."""
    steps = torch.tensor(UNEVEN, dtype=torch.float64)  # a sequence of numbers, too
    for chains, batch, prior, betas in ((3, 5, True, UNEVEN), (4, 4, False, steps), (2, 3, False, ONE_STEP)):
        toy = LinearGaussian.drawn(draw, 2, batch, prior=prior)
        offsets = draw.uniform(batch, low=50.0, high=900.0)
        offsets[0] = draw.uniform(low=1000.0, high=2000.0)
        toy = toy.changed(precisions=torch.zeros_like(toy.precisions), offsets=offsets)
        question = ais(student, toy, toy.images, chains, betas, 2, 0.5, draw.seed())
        question.adding("a decoder that ignores z").looking(rounded_to_zero)
        question.equals(-offsets, todo="All weights of an image are equal here.", shape=IMAGE)


@worth("ais", 4)
def test_ais_transition_leaves_its_target_as_it_is(student, draw):
    """A transition at beta leaves p(z) p(x|z)^beta as it is: of chains that start there, log p(x|z) after it has the distribution
    it had before (Dvoretzky-Kiefer-Wolfowitz bound at 1e-9)."""
    for beta, num_leapfrog, reach in ((0.5, 3, 1.3), (0.3, 1, 1.6), (0.6, 2, 1.1)):
        stationary(student, draw, beta, num_leapfrog, reach)


@worth("ais", 2)
def test_ais_averages_to_the_likelihood(student, draw):
    """The mean of the weights is p(x), known by quadrature, for every image there is, with N(0, I) and with a prior of the model's
    own (Chernoff bound at 1e-9)."""
    x, alike = oracles.all_images(1, 2), MANY // 4
    for prior, chains in ((False, 1), (True, 4)):
        toy = AffineModel.drawn(draw, 1, (1, 1, 2), prior=prior)
        sides = 2 * draw.binary(2, 1) - 1
        toy = toy.changed(
            weight=sides * torch.tensor([[3.0], [2.0]], dtype=torch.float64), bias=draw.normal(2, scale=0.3)
        )
        images = x.repeat(alike // chains, 1, 1, 1)
        question = ais(student, toy, images, chains, (0.0, 0.2, 0.6, 1.0), 2, 0.6, draw.seed())
        got = question.is_like((len(images),), x.dtype, todo=IMAGE)
        shares = torch.exp(got.double()).clamp_max(1.0).reshape(-1, len(x)).mean(0)
        finding = statistics.proportions_are(
            shares * alike, torch.exp(toy.log_likelihood(x)), alike, statistics.ALPHA / 2
        )
        if not finding:
            advice = "Do the chains start at the prior of the model, and is the mean taken before the logarithm?"
            expected = "weights whose mean is p(x)"
            raise question.wrong(expected, "weights with another mean", hint=question.hint(got), advice=advice)


@worth("ais", 2)
def test_ais_gets_better_with_more_temperatures(student, draw):
    """With more temperatures the chains have time to follow: log weights vary less, and their mean rises."""
    toy, _, _ = one_dimension(draw, 1.0)
    toy = toy.changed(precisions=4 * toy.precisions)
    x, found = alike(toy, 2000), []
    for temperatures in (1, 20):
        betas = tuple((t / temperatures) ** 2 for t in range(temperatures + 1))
        question = ais(student, toy, x, 1, betas, 3, 0.25, draw.seed())
        found.append(question.is_like((len(x),), x.dtype, todo=IMAGE).double())
    few, many = found
    if not float(many.var()) < 0.6 * float(few.var()) or not many.mean() > few.mean():
        expected = "log weights closer to each other than with 1 temperature"
        raise question.adding("20 temperatures").wrong(
            expected, "others", hint=question.hint(many), advice="Do the chains move?"
        )


@worth("ais", 2)
def test_ais_chains_are_independent(student, draw):
    """Each image and each chain has its own start and its own moves: alike images get different answers, and with 10 chains these
    vary a tenth as much."""
    toy, _, _ = one_dimension(draw, 1.0)
    toy = toy.changed(prior=None)
    x, variances = alike(toy, 2000), []
    for chains in (1, 10):
        question = ais(student, toy, x, chains, (0.0, 0.4, 1.0), 2, 0.4, draw.seed()).adding("all images alike")
        got = question.is_like((len(x),), x.dtype, todo=IMAGE)
        if not expect.varies(got):
            raise question.wrong(
                "values that differ with the chains of each image", "equal ones", hint=question.hint(got)
            )
        variances.append(float(torch.exp(got.double() + float(toy.offsets)).var()))
    if not 0.03 * variances[0] < variances[1] < 0.3 * variances[0]:
        expected = "a variance of the mean weight that falls with the number of chains"
        raise question.wrong(expected, "another one", hint=question.hint(got), advice="Are all chains drawn anew?")


@worth("ais", kind=Kind.CARE)
def test_ais_takes_its_leapfrog_steps(student, draw):
    """A transition takes num_leapfrog steps, each of which asks the decoder once at least."""
    toy, x, steps = AffineModel.drawn(draw, 2), draw.binary(3, *SHAPE), 6
    question = ais(student, toy, x, 2, (0.0, 0.3, 0.6, 1.0), steps, 0.1, draw.seed())
    seen = question.watched(question.placed("model"))
    question.is_varied(question.is_like((3,), x.dtype, got=seen.value, todo=IMAGE))
    _, _, numbers = seen.parts.get("decoder", (0, 0, 0))
    if numbers < 2 * steps * 2 * 3 * toy.latent_dim:
        expected = f"{steps} steps in each transition of each chain"
        raise question.wrong(expected, "fewer codes decoded", hint=question.hint(seen.value))


@worth("ais", 2, Kind.CARE)
def test_ais_follows_its_generator(student, draw):
    """A generator makes it reproducible, another seed gives another estimate, torch's global generator is left alone, and without
    one the draws are new in every call."""
    for prior in (False, True):
        toy, x = AffineModel.drawn(draw, 2, prior=prior), draw.binary(5, *SHAPE)
        seed = draw.seed()
        question = ais(student, toy, x, 2, (0.0, 0.5, 1.0), 2, 0.2, seed)
        question.follows_its_generator(seed, lambda question: question.is_like((5,), todo=IMAGE))
        question.given().adding("without a generator")
        if expect.identical(question.answer(), question.answer()):
            raise question.wrong("new draws in every call", "the same values twice", hint=sentences.EPS_FIXED)


@worth("ais", 2, Kind.CARE)
def test_ais_leaves_its_surroundings_alone(student, draw):
    """It carries no gradient, prints nothing, answers in the dtype of x, and changes neither x nor parameters, gradients,
    requires_grad or modes of the model."""
    for dtype in (torch.float64, torch.float32):
        toy = LinearGaussian.drawn(draw, 2, 3, prior=True)
        toy = toy if dtype == torch.float64 else both_float(toy)
        question = ais(student, toy, toy.images, 2, UNEVEN, 2, 0.2)
        model = question.placed("model")
        before, seen = model.state(), question.inspected()
        question.is_varied(question.is_like((3,), dtype, got=seen.value, todo=IMAGE))
        question.leaves_alone(seen)
        question.keeps_state(before, model.state())
    question = ais(
        student, AffineModel.drawn(draw, 2, prior=True), draw.binary(4, *SHAPE), 2, UNEVEN, 2, 0.2, draw.seed()
    )
    question.leaves_no_gradient(question.placed("model"))
    question.keeps_models()


@worth("ais", kind=Kind.REFUSAL)
def test_ais_refuses_what_is_no_path(student, draw):
    """Betas that do not rise from 0 to 1, and num_chains or num_leapfrog below 1, raise ValueError."""
    toy, x = AffineModel.drawn(draw, 2), draw.binary(3, *SHAPE)
    fine = ais(student, toy, x, 2, ONE_STEP, 1, 0.1, draw.seed())
    fine.is_varied(fine.is_like((3,), x.dtype, todo=IMAGE))
    for betas in ((0.1, 0.5, 1.0), (0.0, 0.5, 0.9), (0.0, 0.6, 0.4, 1.0)):
        ais(student, toy, x, 2, betas, 1, 0.1).adding(f"betas {betas}").refuses("ValueError", "Betas rise from 0 to 1.")
    ais(student, toy, x, 0, UNEVEN, 1, 0.1).refuses("ValueError", "A mean is taken over one chain at least.")
    ais(student, toy, x, 2, UNEVEN, 0, 0.1).refuses("ValueError", "A transition has one leapfrog step at least.")


def ais(
    student: Student,
    toy: LinearGaussian | AffineModel,
    x: torch.Tensor,
    num_chains: int,
    betas: Sequence[float] | torch.Tensor,
    num_leapfrog: int,
    step_size: float,
    seed: int | None = None,
    build: Callable[[Student], Handle] | None = None,
) -> Question:
    """Return the question about a toy, or the model that `build` makes, with a generator where a seed is given."""
    place = placed if isinstance(toy, AffineModel) else linear_at
    arguments = {"model": build or (lambda student: place(student, toy)), "x": x, "num_chains": num_chains}
    arguments |= {
        "betas": betas if isinstance(betas, torch.Tensor) else tuple(betas),
        "num_leapfrog": num_leapfrog,
        "step_size": step_size,
    }
    question = ask(student, "ais_log_likelihood", **arguments).of_exercise("ais")
    question.toy = toy
    return question if seed is None else question.given(generator=Seed(seed))


def rounded_to_zero(got: object) -> str:
    """Return what is known of an answer that is infinite where weights are far below one."""
    return known.sentence("gaps", "ais_weights_exponentiated") if infinite(got) else ""


def alike(toy: LinearGaussian, count: int) -> torch.Tensor:
    """Return the first image so many times."""
    return toy.images[:1].expand(count, -1, -1, -1).clone()


def is_scripted(
    student: Student, draw: Draw, chains: int, batch: int, betas: Sequence[float], num_leapfrog: int, step_size: float
) -> None:
    """Demand the logarithm of the mean of p(x|z) at known draws of the prior; only one of `chains` and `batch` is above one, so that
    it does not matter which draw belongs to which."""
    toy, table = LinearGaussian.drawn(draw, 3, batch, prior=True), draw.normal(chains * batch, 3)
    question = ais(
        student,
        toy,
        toy.images,
        chains,
        betas,
        num_leapfrog,
        step_size,
        draw.seed(),
        lambda student: linear_at(student, toy, table),
    )
    log_w = toy.log_likelihood_at(table.reshape(chains, batch, 3))
    todo = "Which factors of a weight are known before the first move?"
    question.equals(oracles.importance_bound(log_w), todo=todo, shape=IMAGE)


def stationary(student: Student, draw: Draw, beta: float, num_leapfrog: int, reach: float) -> None:
    """Demand that a transition at beta keeps the distribution of log p(x|z).

    The prior's samples are draws of p(z) p(x|z)^beta here. With betas (0, beta, 1) log w is beta log p(x|z) at the start, which is
    known, and 1 - beta times that after the move.

    Args:
        reach: step size in units of the target's width.
    """
    toy, mean, deviation = one_dimension(draw, beta)
    start = draw.normal(MANY, 1, scale=deviation, shift=mean)
    question = ais(
        student,
        toy,
        alike(toy, MANY),
        1,
        (0.0, beta, 1.0),
        num_leapfrog,
        reach * deviation,
        draw.seed(),
        lambda student: linear_at(student, toy, start),
    ).adding("a prior whose samples come from p(z) p(x|z)^beta")
    got = question.is_like((MANY,), start.dtype, todo=IMAGE)
    after = (got - beta * toy.log_likelihood_at(start[:, None])[:, 0]) / (1 - beta)
    cuts = -toy.offsets - torch.linspace(0.05, 3.0, 40, dtype=torch.float64) ** 2
    shares = (after[:, None] <= cuts).double().mean(0)
    finding = statistics.distribution_is(shares, below(cuts, toy, mean, deviation), MANY, statistics.ALPHA / 3)
    if not finding:
        kept = float(toy.log_likelihood_at(start[:, None])[:, 0].mean())
        side = "higher" if float(after.mean()) > kept else "lower"
        expected, advice = "log p(x|z) to keep its distribution", "Compare both energies, and the order of half steps."
        raise question.wrong(expected, f"one whose mean is {side}", hint=question.hint(got), advice=advice)
