"""Hidden tests of iwae_bound."""

import torch

from autograder.judging import expect, mistakes, oracles
from autograder.judging.accuracy import EXACT
from autograder.judging.expect import Wrong, call
from autograder.judging.mistakes import SAID
from autograder.judging.oracles import Enumerated
from autograder.judging.rubric import worth
from autograder.suite.asking import check_tidy
from autograder.suite.iwae.shared import WEIGHTS, answer_for, check_of_weights


@worth("iwae_bound", 3)
def test_iwae_bound_is_the_log_of_the_mean_weight(student, draw):
    """L_K = log 1/K Σ_k w_k, one bound for every image (Burda et al. 2016, eq. 8)."""
    for samples, batch in WEIGHTS:
        log_w = draw.normal(samples, batch, scale=2.0, shift=-3.0)
        check_of_weights(student, "iwae_bound", log_w, lambda log_w: torch.log(torch.exp(log_w).mean(0)))


@worth("iwae_bound", 2)
def test_iwae_bound_gets_tighter_with_every_sample(student, draw):
    """Its expectation grows from K = 1 to K = 6 and stays below log p(x): exactly, over all draws of a model with three
    codes."""
    model, ladder = Enumerated.drawn(draw), []
    for samples in range(1, 7):
        log_w, probabilities = model.samples(samples)
        got = answer_for(student, "iwae_bound", log_w)
        ladder.append(float(probabilities @ got))
        if abs(ladder[-1] - float(probabilities @ oracles.importance_bound(log_w))) > EXACT:
            asked, hint = call("iwae_bound", log_w=log_w), mistakes.recognise("iwae_bound", got, log_w)
            expected = f"the bound's expectation with K = {samples}, averaged over all draws"
            raise Wrong(asked, expected, "another value", "", hint)
    if not all(low < high for low, high in zip(ladder, [*ladder[1:], model.log_likelihood()], strict=True)):
        raise Wrong("iwae_bound(log_w) for K = 1 to 6", "a bound that grows with K", "one that does not")


@worth("iwae_bound", 2)
def test_iwae_bound_depends_on_what_weights_mean(student, draw):
    """Copying or reordering the samples changes nothing, a factor on an image's weights shifts its bound, and images
    keep to themselves."""
    log_w, shift = draw.normal(4, 5, scale=2.0), draw.uniform(5, low=1.0, high=3.0)
    asked = call("iwae_bound", log_w=log_w)
    first = answer_for(student, "iwae_bound", log_w)
    expect.varied(first, asked=asked)
    hint = mistakes.recognise("iwae_bound", first, log_w)
    cases = (
        ("every sample is there twice", torch.cat([log_w, log_w]), first),
        ("the samples are reordered", log_w[[2, 0, 3, 1]], first),
        ("one number for each image is added to its log weights", log_w + shift, first + shift),
        ("the images are reordered", log_w[:, [3, 1, 4, 0, 2]], first[[3, 1, 4, 0, 2]]),
        ("only two images are asked about", log_w[:, 1:3], first[1:3]),
    )
    for what, changed, want in cases:
        if not expect.equal(answer_for(student, "iwae_bound", changed), want):
            raise Wrong(asked, f"what follows from the first answer when {what}", "other values", "", hint)


@worth("iwae_bound")
def test_iwae_bound_lies_where_a_mean_lies(student, draw):
    """It lies between the mean and the largest of the log weights, and never below the average of the bounds of
    disjoint groups of samples."""
    log_w = draw.normal(12, 6, scale=3.0)
    asked, got = call("iwae_bound", log_w=log_w), answer_for(student, "iwae_bound", log_w)
    hint = mistakes.recognise("iwae_bound", got, log_w)
    todo = "It is the logarithm of a mean of the weights."
    if not bool(((got >= log_w.mean(0) - 1e-9) & (got <= log_w.max(0).values + 1e-9)).all()):
        raise Wrong(asked, "bounds between the mean and the largest log weight", "some outside", todo, hint)
    for size in (1, 2, 3, 4, 6):
        groups = torch.stack([answer_for(student, "iwae_bound", part) for part in log_w.split(size)])
        if not bool((groups.mean(0) <= got + 1e-9).all()):
            expected = f"bounds with 12 samples not below the average of those with {size}"
            raise Wrong(asked, expected, "some that are lower", todo, hint)
    if bool((got - log_w.mean(0)).abs().max() < 1e-6):
        raise Wrong(asked, "a bound above the mean log weight", "the mean itself", todo, SAID["bound_not_tighter"])


@worth("iwae_bound", 2)
def test_iwae_bound_is_exact_for_extreme_weights(student, draw):
    """It is finite and exact for log weights of ±10,000, and where one weight rules all others, in float64 and
    float32."""
    for dtype in (torch.float64, torch.float32):
        for level in (-1e4, -500.0, 1e4):
            log_w = draw.normal(5, 3, shift=level, dtype=dtype)
            check_of_weights(student, "iwae_bound", log_w, oracles.importance_bound, extreme=True)
        log_w = draw.normal(4, 3, scale=3e3, shift=-5e3, dtype=dtype)
        check_of_weights(student, "iwae_bound", log_w, oracles.importance_bound, extreme=True)


@worth("iwae_bound", 2)
def test_iwae_bound_passes_gradients(student, draw):
    """Its gradient for a log weight is that weight's share of the image's sum, finite also for extreme weights."""
    for extreme, log_w in enumerate((draw.normal(4, 3, scale=2.0), draw.normal(5, 2, scale=50.0, shift=-1e4))):
        asked, cotangent = call("iwae_bound", log_w=log_w), draw.normal(log_w.shape[1])
        check_of_weights(student, "iwae_bound", log_w, oracles.importance_bound, extreme=bool(extreme))
        found = student.gradient("iwae_bound", log_w, cotangent=cotangent).inputs[0]
        expect.derivative(
            found, oracles.importance_shares(log_w) * cotangent, asked=asked, of="log_w", right=not extreme
        )


@worth("iwae_bound")
def test_iwae_bound_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes nothing, draws no random numbers, and answers float32 in float32."""
    log_w = draw.normal(5, 3)

    def right():
        check_of_weights(student, "iwae_bound", log_w, oracles.importance_bound)

    check_tidy(student, "iwae_bound", (3,), right, log_w=log_w)
    answer_for(student, "iwae_bound", draw.normal(5, 3, dtype=torch.float32))
