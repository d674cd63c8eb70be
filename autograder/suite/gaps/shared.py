"""What several exercises of gaps are asked with."""

from collections.abc import Callable, Sequence

import torch

from autograder.judging import expect, oracles
from autograder.kernel.remote import Handle, Student
from autograder.suite.asking import placed
from autograder.suite.gaps import public
from autograder.suite.gaps.truth import LinearGaussian
from autograder.suite.question import Question

IMAGE = "One value for every image."


def ask(student: Student, name: str, **arguments: object) -> Question:
    """Return a question to a student, about this assignment."""
    return Question(student, name, arguments, public.CASES, placed)


def linear_at(
    student: Student, toy: LinearGaussian, table: torch.Tensor | None = None, encoder: Handle | None = None
) -> Handle:
    """Build a linear-Gaussian model at a student's.

    Args:
        table: codes (n, D) that its prior gives as its samples, one after the other; drawn at random where None.
        encoder: in the place of its own.
    """
    dtype, none = toy.mu.dtype, torch.zeros_like(toy.mu[0])
    if encoder is None:
        encoder = student.build("AffineEncoder", toy.mu.T.contiguous(), none, toy.log_var.T.contiguous(), none)
    decoder = student.build("QuadraticDecoder", toy.centres, toy.precisions, toy.offsets, toy.shape)
    if table is not None:
        prior = student.build("ScriptedPrior", *toy.prior_normal, table.to(dtype))
    else:
        prior = student.build("GaussianPrior", *toy.prior) if toy.prior else None
    return student.build("Model", encoder, decoder, prior, latent_dim=toy.latent_dim)


def both_float(toy: LinearGaussian) -> LinearGaussian:
    """Return the model in single precision."""
    values = {name: value.float() for name, value in vars(toy).items() if isinstance(value, torch.Tensor)}
    prior = tuple(value.float() for value in toy.prior) if toy.prior else None
    return toy.changed(**values, prior=prior)


def items(question: Question, got: object, expected: str, count: int) -> Sequence[object]:
    """Return the items of an answer that is a tuple of so many."""
    if not isinstance(got, (tuple, list)) or len(got) != count:
        raise question.wrong(expected, expect.described(got), "Return them all, in this order.")
    return got


def item(*path: int) -> Callable[[object], object]:
    """Return a function that takes the item at this place of nested tuples, None where there is none."""

    def take(got: object) -> object:
        for place in path:
            got = got[place] if isinstance(got, (tuple, list)) and place < len(got) else None
        return got

    return take


def by_jacobian(
    student: Student, target: tuple[Handle, str], given: Sequence[torch.Tensor], place: int
) -> torch.Tensor:
    """Return log N(eps; 0, I) - log|det dz/deps| for the first item that `target` returns, (B,): the density of z where its rows
    are made of standard normal noise eps (B, D), `given[place]`, each of its own row."""
    eps, rows = given[place], []
    for axis in range(eps.shape[1]):
        cotangent = torch.zeros_like(eps)
        cotangent[:, axis] = 1
        found = student.gradient(target, *given, wrt=(place,), cotangent=cotangent, part=0).inputs[0]
        rows.append(torch.zeros_like(eps) if found is None else found)
    volume = torch.linalg.slogdet(torch.stack(rows, 1)).logabsdet
    return oracles.gaussian_log_prob(eps, torch.zeros_like(eps), torch.zeros_like(eps)) - volume
