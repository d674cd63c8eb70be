"""Public cases of the assignment on variational autoencoders."""

import math
from collections.abc import Callable

import torch

from autograder.judging import oracles
from autograder.judging.oracles import AffineModel
from autograder.kernel.remote import Student
from autograder.suite.cases import (
    TOY,
    WORDS,
    Case,
    X,
    blank,
    bounds,
    called,
    double,
    text,
)


def _pixels(x: list, logits: list) -> Case:
    """Return the case of bernoulli_log_prob for images of one row."""
    image, at = (double(value).reshape(1, 1, 1, -1) for value in (x, logits))
    words = f"bernoulli_log_prob(x, logits) of an image of {len(x)} pixels, x = {text(x)}, logits = {text(logits)},"
    return Case(words, lambda s, _: s.bernoulli_log_prob(image, at), oracles.bernoulli_log_prob(image, at))


def _steps(number: int) -> Callable[[Student, Callable], torch.Tensor]:
    """Return a function that calls train_step so many times and returns the parameter."""

    def ask(student, _):
        model = student.build("QuadraticLoss", double([1.0]))
        optimizer = student.optimizer("SGD", model, lr=0.1)
        for _ in range(number):
            student.train_step(model, optimizer, torch.zeros(1, 1, 1, 1, dtype=torch.float64))
        return model.state().parameters["weight"]

    return ask


CASES = {
    "reparameterize": (called("reparameterize", double([[1.0, -1.0]]), double([[0.0, 2.0]]), double([[0.5, 1.0]])),),
    "gaussian_log_prob": (
        called("gaussian_log_prob", double([[1.0, 0.0]]), double([[0.0, 0.5]]), double([[0.0, 1.0]])),
        called("gaussian_log_prob", double([[40.0, 0.0]]), double([[0.0, 0.0]]), double([[0.0, 0.0]])),
        called("gaussian_log_prob", double([[0.0]]), double([[0.0]]), double([[-9.0]])),
    ),
    "kl_standard_normal": (
        called("kl_standard_normal", double([[1.0, -0.5]]), double([[0.0, 1.0]])),
        called("kl_standard_normal", double([[0.0]]), double([[-9.0]])),
    ),
    "bernoulli_log_prob": (_pixels([1.0, 0.0], [2.0, 1.0]), _pixels([0.0], [100.0]), _pixels([0.0], [1e4])),
    "elbo": bounds("vae.elbo(x, eps)", lambda s, model, eps: model.elbo(X, eps), AffineModel.elbo),
    "negative_elbo": tuple(
        Case(
            f"vae(x{words}) for two images of one pixel, a model whose logits are 0 and whose q(z|x) is the prior,",
            lambda student, build, options=options: build(student, blank())(torch.cat([X, X])[..., :1], **options),
            double(want),
        )
        for words, options, want in (
            ("", {}, math.log(2)),
            (', reduction="sum"', {"reduction": "sum"}, 2 * math.log(2)),
        )
    ),
    "train_step": (
        Case(
            "the parameter after a call with the loss (w - x)² / 2, w = 1, x = 0, SGD(lr=0.1),",
            _steps(1),
            double([0.9]),
        ),
        Case(
            "the parameter after two calls with the loss (w - x)² / 2, w = 1, x = 0, SGD(lr=0.1),",
            _steps(2),
            double([0.81]),
        ),
    ),
    "reconstruct": (
        Case(
            f"reconstruct(model, x) for {WORDS}, x = (1, 0),",
            lambda student, build: student.reconstruct(build(student, TOY), X).flatten(),
            torch.sigmoid(double([1.0, -0.5])),
        ),
    ),
}
