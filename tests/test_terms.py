"""What is said about wrong sums of log p(x|z), log p(z) and log q(z|x) that nobody listed: true, or nothing."""

import math

import pytest
import torch

from autograder.judging import oracles
from autograder.judging.draw import Draw
from autograder.judging.oracles import AffineModel, bernoulli_log_prob, gaussian_log_prob, reparameterize
from autograder.suite.terms import wrong_term


def sampled(
    scale=(1.0, 1.0, 1.0),
    likelihood=bernoulli_log_prob,
    prior=lambda toy, z: toy.prior_log_prob(z),
    posterior=gaussian_log_prob,
    sample=reparameterize,
    put_together=lambda log_w: log_w,
):
    """Return a function of model, images and noise that has the formula's parts or others."""

    def ask(toy, x, eps):
        mu, log_var = toy.encode(x)
        z = sample(mu, log_var, eps)
        a, b, c = scale
        return put_together(a * likelihood(x, toy.decode(z)) + b * prior(toy, z) - c * posterior(z, mu, log_var))

    return ask


def said(ask, prior, averaged=False):
    """Return what is said for a toy with or without a prior of its own."""
    return wrong_term(ask, AffineModel.drawn(Draw("secret", "terms"), 3, prior=prior), averaged)


LIKELIHOOD, PRIOR, POSTERIOR = (
    f"Of the three terms {name} is wrong" for name in ("log p(x|z)", "log p(z)", "log q(z|x)")
)


@pytest.mark.parametrize("prior", [False, True])
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        # other factors and signs, and terms left out: the formula itself is told
        ({"scale": (2, 1, 1)}, "The answer is 2 log p(x|z) + log p(z) - log q(z|x)"),
        ({"scale": (1, 0.5, 0.5)}, "The answer is log p(x|z) + 0.5 log p(z) - 0.5 log q(z|x)"),
        ({"scale": (-1, 1, 1)}, "The answer is -log p(x|z) + log p(z) - log q(z|x)"),
        ({"scale": (0, 1, 1)}, "The answer is log p(z) - log q(z|x)"),
        ({"scale": (1, 3, 0)}, "The answer is log p(x|z) + 3 log p(z):"),
        # one term wrong
        ({"likelihood": lambda x, logits: bernoulli_log_prob(x, torch.sigmoid(logits))}, LIKELIHOOD),
        ({"likelihood": lambda x, logits: -((x - torch.sigmoid(logits)) ** 2).sum((-3, -2, -1))}, LIKELIHOOD),
        ({"likelihood": lambda x, logits: bernoulli_log_prob(1 - x, logits)}, LIKELIHOOD),
        ({"likelihood": lambda x, logits: bernoulli_log_prob(x, logits + 1)}, LIKELIHOOD),
        ({"prior": lambda toy, z: gaussian_log_prob(z, torch.ones_like(z), torch.zeros_like(z))}, PRIOR),
        ({"prior": lambda toy, z: -z.abs().sum(-1)}, PRIOR),
        ({"prior": lambda toy, z: toy.prior_log_prob(z[..., :1].expand_as(z))}, PRIOR),
        ({"posterior": lambda z, mu, log_var: gaussian_log_prob(mu, mu, log_var)}, POSTERIOR),
        ({"posterior": lambda z, mu, log_var: gaussian_log_prob(z, mu, 2 * log_var)}, POSTERIOR),
        ({"posterior": lambda z, mu, log_var: gaussian_log_prob(z, mu, log_var / 2)}, POSTERIOR),
        # what changes is right
        (
            {"posterior": lambda z, mu, log_var: gaussian_log_prob(z, mu, log_var) + 1.5 * math.log(2 * math.pi)},
            "a constant is missing, or one too many",
        ),
        (
            {"likelihood": lambda x, logits: bernoulli_log_prob(x, logits) + 2.0},
            "a constant is missing, or one too many",
        ),
    ],
)
def test_wrong_term_is_named(wrong, words, prior):
    """The formula with other factors, the one term that is wrong, or a constant."""
    assert words in said(sampled(**wrong), prior)
    averaged = sampled(**wrong, put_together=lambda log_w: log_w.mean(0))
    assert words in said(averaged, prior, averaged=True)


@pytest.mark.parametrize(
    "together",
    [
        lambda log_w: log_w.sum(0),
        lambda log_w: log_w.logsumexp(0) - math.log(len(log_w)),
        lambda log_w: log_w[0],
        lambda log_w: log_w.median(0).values,
        lambda log_w: log_w.max(0).values,
    ],
)
def test_samples_put_together_wrongly_are_told(together):
    """Where one sample is right and several are not, the terms are not to blame."""
    assert said(sampled(put_together=together), True, averaged=True).startswith("With one sample it is right")


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample": lambda mu, log_var, eps: mu + torch.exp(log_var) * eps},
        {"sample": lambda mu, log_var, eps: mu.expand_as(eps)},
        {"posterior": lambda z, mu, log_var: gaussian_log_prob(z, -mu, log_var)},
        {
            "likelihood": lambda x, logits: bernoulli_log_prob(1 - x, logits),
            "posterior": lambda z, mu, log_var: gaussian_log_prob(z, -mu, log_var),
        },
        {"put_together": lambda log_w: log_w.exp()},
        {"put_together": lambda log_w: log_w * math.nan},
        {"put_together": lambda log_w: log_w.mean()},
    ],
)
def test_nothing_is_said_where_no_single_term_is_to_blame(wrong):
    """The point itself wrong, two terms wrong, or no sum of terms at all."""
    assert said(sampled(**wrong), True) == ""


def test_right_answers_are_told_nothing():
    """All equal: nothing to say."""
    assert said(sampled(), True) == ""
    assert said(sampled(put_together=lambda log_w: log_w.mean(0)), False, averaged=True) == ""
    toy = AffineModel.drawn(Draw("secret", "terms"), 3)
    assert wrong_term(lambda *_: oracles.log_weights(toy, *_[1:]), toy, averaged=False) == ""
