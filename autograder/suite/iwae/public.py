"""Public cases of the assignment on importance weighted autoencoders."""

import math

import torch

from autograder.judging import expect, oracles
from autograder.kernel.wire import Seed
from autograder.suite.cases import (
    TOY,
    WORDS,
    Case,
    X,
    blank,
    bounds,
    double,
)

LOG_W = double([[0.0], [-1.0], [-3.0]])


def _statistic(rule: str, wants: tuple[float, ...], words: str = "") -> Case:
    """Return the case of a statistic of active_units for two images with the means 1.5 and -0.5; each of `wants` is right."""
    toy = TOY.changed(weight_mu=double([[1.0, -1.0]]))

    def ask(student, build):
        got = student.active_units(build(student, toy), torch.cat([X, 1 - X]), rule)[1]
        right = any(expect.equal(got, double([want])) for want in wants)
        return double([wants[0]]) if right else got

    label = f'the statistic of active_units(model, x, "{rule}") for two images, mu = 1.5 and -0.5, log_var = -1{words},'
    return Case(label, ask, double([wants[0]]))


CASES = {
    "log_weights": bounds(
        "log_weights(model, x, eps)",
        lambda s, model, eps: s.log_weights(model, X, eps.reshape(-1, 1, 1)),
        lambda toy, x, eps: oracles.log_weights(toy, x, eps.reshape(-1, 1, 1)),
    ),
    "iwae_bound": (
        Case(
            "iwae_bound(log_w) for one image and log_w = 0, -1, -3",
            lambda student, _: student.iwae_bound(LOG_W),
            oracles.importance_bound(LOG_W),
        ),
        Case(
            "iwae_bound(log_w) for one image and log_w = -1000, -1001, -1003",
            lambda student, _: student.iwae_bound(LOG_W - 1000),
            oracles.importance_bound(LOG_W - 1000),
        ),
    ),
    "normalized_weights": (
        Case(
            "normalized_weights(log_w) for one image and log_w = 0, -1, -3",
            lambda student, _: student.normalized_weights(LOG_W),
            oracles.importance_shares(LOG_W),
        ),
    ),
    "iwae_loss": (
        Case(
            'iwae_loss(log_w, "fast") for one image and log_w = 0, -1, -3',
            lambda student, _: student.iwae_loss(LOG_W, "fast"),
            -oracles.importance_bound(LOG_W).mean(),
        ),
    ),
    "active_kl": (_statistic("kl", (0.5 * (1.25 + math.exp(-1)),)),),
    "active_variance": (_statistic("variance", (1.0, 2.0), " (divided by the number of images)"),),
    "latent_traversal": (
        Case(
            f"latent_traversal(model, x, [0], [1.0]) for {WORDS}, x = (1, 0),",
            lambda student, build: student.latent_traversal(build(student, TOY), X, [0], [1.0]).flatten(),
            torch.sigmoid(double([2.0, -1.0])),
        ),
    ),
    "log_likelihood": (
        Case(
            "log_likelihood(model, x, 3, 2) for a model whose logits are 0 and whose q(z|x) is the prior, one pixel,",
            lambda student, build: student.log_likelihood(build(student, blank()), X[..., :1], 3, 2, generator=Seed(0)),
            double([-math.log(2)]),
        ),
    ),
}
