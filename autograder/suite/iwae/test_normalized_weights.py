"""Hidden tests of normalized_weights."""

import torch

from autograder.judging import expect, mistakes, oracles
from autograder.judging.accuracy import EXACT
from autograder.judging.expect import Wrong, call
from autograder.judging.rubric import worth
from autograder.suite.asking import check_tidy
from autograder.suite.iwae.shared import WEIGHTS, answer_for, check_of_weights


@worth("normalized_weights", 3)
def test_normalized_weights_are_shares_of_a_sum(student, draw):
    """Each is w_k / Σ_j w_j over the samples of its image, (K, B)."""
    for samples, batch in WEIGHTS:
        log_w = draw.normal(samples, batch, scale=2.0, shift=-1.0)
        check_of_weights(student, "normalized_weights", log_w, lambda log_w: torch.exp(log_w) / torch.exp(log_w).sum(0))


@worth("normalized_weights")
def test_normalized_weights_sum_to_one_over_samples(student, draw):
    """An image's shares sum to one, and a factor on all its weights changes nothing."""
    log_w, shift = draw.normal(4, 6, scale=2.0), draw.uniform(6, low=2.0, high=5.0)
    asked, shares = call("normalized_weights", log_w=log_w), answer_for(student, "normalized_weights", log_w)
    expect.varied(shares, asked=asked)
    hint = mistakes.recognise("normalized_weights", shares, log_w)
    if not bool(((shares.sum(0) - 1).abs() < EXACT).all()):
        raise Wrong(asked, "shares that sum to one over the samples of each image", "other sums", "", hint)
    if not expect.equal(answer_for(student, "normalized_weights", log_w + shift), shares):
        raise Wrong(asked, "the same shares where an image's log weights grow by one number", "others", "", hint)


@worth("normalized_weights")
def test_normalized_weights_are_exact_for_extreme_weights(student, draw):
    """They are finite and exact for log weights of ±10,000, and where one weight rules all others, in float64 and
    float32."""
    for dtype in (torch.float64, torch.float32):
        for scale, level in ((1.0, -1e4), (1.0, 1e4), (3e3, -5e3)):
            log_w = draw.normal(5, 3, scale=scale, shift=level, dtype=dtype)
            check_of_weights(student, "normalized_weights", log_w, oracles.importance_shares, extreme=True)


@worth("normalized_weights")
def test_normalized_weights_pass_gradients(student, draw):
    """They are differentiable in log_w, for use beyond a loss."""
    log_w, cotangent = draw.normal(4, 3), draw.normal(4, 3)
    asked = call("normalized_weights", log_w=log_w)
    check_of_weights(student, "normalized_weights", log_w, oracles.importance_shares)
    shares = oracles.importance_shares(log_w)
    want = shares * (cotangent - (shares * cotangent).sum(0))
    got = student.gradient("normalized_weights", log_w, cotangent=cotangent).inputs[0]
    expect.derivative(got, want, asked=asked, of="log_w", right=True)


@worth("normalized_weights")
def test_normalized_weights_leave_their_surroundings_alone(student, draw):
    """It prints nothing, changes nothing, draws no random numbers, and answers float32 in float32."""
    log_w = draw.normal(5, 3)

    def right():
        check_of_weights(student, "normalized_weights", log_w, oracles.importance_shares)

    check_tidy(student, "normalized_weights", (5, 3), right, log_w=log_w)
    answer_for(student, "normalized_weights", draw.normal(5, 3, dtype=torch.float32))
