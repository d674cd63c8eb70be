"""Hidden tests of iwae_bound."""

import torch

from autograder.judging import expect, oracles, sentences
from autograder.judging.accuracy import EXACT
from autograder.judging.oracles import Enumerated
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.suite.iwae.follow import of_moderate_weights
from autograder.suite.iwae.shared import WEIGHTS, ask, looking_at_size
from autograder.suite.question import Question


@worth("iwae_bound", 3)
def test_iwae_bound_is_the_log_of_the_mean_weight(student, draw):
    """L_K = log 1/K Σ_k w_k, one bound for every image (Burda et al. 2016, eq. 8)."""
    for samples, batch in WEIGHTS:
        is_right(bound(student, draw.normal(samples, batch, scale=2.0, shift=-3.0)))


@worth("iwae_bound", 2)
def test_iwae_bound_gets_tighter_with_every_sample(student, draw):
    """Its expectation grows from K = 1 to K = 6 and stays below log p(x): exactly, over all draws of a model with three
    codes."""
    model, ladder = Enumerated.drawn(draw), []
    for samples in range(1, 7):
        log_w, probabilities = model.samples(samples)
        question = bound(student, log_w)
        got = values(question)
        ladder.append(float(probabilities @ got))
        if abs(ladder[-1] - float(probabilities @ oracles.importance_bound(log_w))) > EXACT:
            expected = f"the bound's expectation with K = {samples}, averaged over all draws"
            raise question.wrong(expected, "another value", hint=question.hint(got))
    if not all(low < high for low, high in zip(ladder, [*ladder[1:], model.log_likelihood()], strict=True)):
        raise question.wrong("a bound that grows with K, for K = 1 to 6", "one that does not")


@worth("iwae_bound", 2)
def test_iwae_bound_depends_on_what_weights_mean(student, draw):
    """Copying or reordering the samples changes nothing, a factor on an image's weights shifts its bound, and images
    keep to themselves."""
    log_w, shift = draw.normal(4, 5, scale=2.0), draw.uniform(5, low=1.0, high=3.0)
    question = bound(student, log_w)
    first = values(question)
    question.is_varied(first)
    cases = (
        ("every sample is there twice", torch.cat([log_w, log_w]), first),
        ("the samples are reordered", log_w[[2, 0, 3, 1]], first),
        ("one number for each image is added to its log weights", log_w + shift, first + shift),
        ("the images are reordered", log_w[:, [3, 1, 4, 0, 2]], first[[3, 1, 4, 0, 2]]),
        ("only two images are asked about", log_w[:, 1:3], first[1:3]),
    )
    for what, changed, want in cases:
        if not expect.equal(values(bound(student, changed)), want):
            expected = f"what follows from the first answer when {what}"
            raise question.wrong(expected, "other values", hint=question.hint(first))


@worth("iwae_bound")
def test_iwae_bound_lies_where_a_mean_lies(student, draw):
    """It lies between the mean and the largest of the log weights, and never below the average of the bounds of
    disjoint groups of samples."""
    log_w = draw.normal(12, 6, scale=3.0)
    question = bound(student, log_w)
    got, todo = values(question), "It is the logarithm of a mean of the weights."
    if not bool(((got >= log_w.mean(0) - 1e-9) & (got <= log_w.max(0).values + 1e-9)).all()):
        expected = "bounds between the mean and the largest log weight"
        raise question.wrong(expected, "some outside", todo, question.hint(got))
    for size in (1, 2, 3, 4, 6):
        groups = torch.stack([values(bound(student, part)) for part in log_w.split(size)])
        if not bool((groups.mean(0) <= got + 1e-9).all()):
            expected = f"bounds with 12 samples not below the average of those with {size}"
            raise question.wrong(expected, "some that are lower", todo, question.hint(got))
    if bool((got - log_w.mean(0)).abs().max() < 1e-6):
        raise question.wrong("a bound above the mean log weight", "the mean itself", todo, sentences.BOUND_NOT_TIGHTER)


@worth("iwae_bound", 2)
def test_iwae_bound_is_exact_for_extreme_weights(student, draw):
    """It is finite and exact for log weights of ±10,000, and where one weight rules all others, in float64 and
    float32."""
    for dtype in (torch.float64, torch.float32):
        for level in (-1e4, -500.0, 1e4):
            is_right_for_extreme_weights(bound(student, draw.normal(5, 3, shift=level, dtype=dtype)))
        is_right_for_extreme_weights(bound(student, draw.normal(4, 3, scale=3e3, shift=-5e3, dtype=dtype)))


@worth("iwae_bound", 2, Kind.GRADIENT)
def test_iwae_bound_passes_gradients(student, draw):
    """Its gradient for a log weight is that weight's share of the image's sum, finite also for extreme weights."""
    questions = bound(student, draw.normal(4, 3, scale=2.0)), bound(student, draw.normal(5, 2, scale=50.0, shift=-1e4))
    for question, right in zip(questions, (is_right, is_right_for_extreme_weights), strict=True):
        log_w = question.arguments["log_w"]
        cotangent = draw.normal(log_w.shape[1])
        right(question)
        got = question.gradient(cotangent=cotangent).inputs[0]
        want = oracles.importance_shares(log_w) * cotangent
        question.has_derivative(got, want, of="log_w", right=right is is_right)


@worth("iwae_bound", kind=Kind.CARE)
def test_iwae_bound_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes nothing, draws no random numbers, and answers float32 in float32."""
    bound(student, draw.normal(5, 3)).is_tidy((3,), is_right)
    values(bound(student, draw.normal(5, 3, dtype=torch.float32)))


def bound(student: Student, log_w: torch.Tensor) -> Question:
    return ask(student, "iwae_bound", log_w=log_w)


def is_right(question: Question) -> None:
    question.equals(oracles.importance_bound, shape="One bound for every image.")


def is_right_for_extreme_weights(question: Question) -> None:
    """Demand the bound, or what the student's own makes of the weights divided by the largest."""
    own = of_moderate_weights(question, each=True)
    looking_at_size(question, oracles.importance_bound).equals(
        oracles.importance_bound, also=own, shape="One bound for every image."
    )


def values(question: Question) -> torch.Tensor:
    """Return the answer, checked for kind."""
    (log_w,) = question.arguments.values()
    return question.is_like(log_w.shape[1:], log_w.dtype)
