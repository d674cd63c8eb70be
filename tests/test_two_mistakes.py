"""A mistake behind an earlier one is recognised with the student's own earlier functions, and told."""

import pytest

from autograder.judging.rubric import run_suite
from autograder.kernel.remote import in_process
from autograder.reporting.report import Status
from tests.suites import Suite

pytestmark = pytest.mark.suite


def hints(assignment, exercise, code):
    """Return what a student is told about an exercise who wrote `code` below the reference solution."""
    names = Suite(assignment).solution()
    exec(compile(code, "student", "exec"), names)
    found = run_suite(assignment, in_process(names), secret="secret", student_id="student", cells={exercise})
    assert any(outcome.status is Status.FAILED for outcome in found)
    return {outcome.hint for outcome in found if outcome.status is Status.FAILED and outcome.hint}


WRONG_ELBO = """
right = VAE.elbo
VAE.elbo = lambda self, x, eps: 1.1 * right(self, x, eps) - 3
"""
WRONG_BOUND = """
def iwae_bound(log_w):
    return log_w.logsumexp(0) + 0.3
"""
WRONG_WEIGHTS = """
right = log_weights
def log_weights(model, x, eps):
    return 1.5 * right(model, x, eps)
"""


@pytest.mark.parametrize(
    ("assignment", "exercise", "earlier", "own", "said"),
    [
        (
            "vae",
            "negative_elbo",
            WRONG_ELBO,
            "VAE.forward = lambda self, x, reduction='mean': getattr(self.elbo(x, torch.zeros(len(x), self.latent_dim, dtype=x.dtype)), reduction)()",
            "not its negative",
        ),
        (
            "vae",
            "negative_elbo",
            WRONG_ELBO,
            "VAE.forward = lambda self, x, reduction='mean': -self.elbo(x, torch.randn(len(x), self.latent_dim, dtype=x.dtype)).sum()",
            "summed where their mean is asked",
        ),
        (
            "iwae",
            "iwae_loss",
            WRONG_BOUND,
            "iwae_loss = lambda log_w, form='fast': iwae_bound(log_w).mean()",
            "not its negative",
        ),
        (
            "iwae",
            "log_likelihood",
            WRONG_WEIGHTS,
            """
@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    sizes = [min(chunk_size, num_samples - done) for done in range(0, num_samples, chunk_size)]
    noise = lambda n: torch.randn(n, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
    return torch.stack([iwae_bound(log_weights(model, x, noise(n))) for n in sizes]).mean(0)
""",
            "The bounds of the chunks are averaged",
        ),
    ],
)
def test_second_mistake_is_told_behind_the_first(assignment, exercise, earlier, own, said):
    """Neither the oracle's value nor a known formula of it equals the answer: only one of the student's own does."""
    told = hints(assignment, exercise, earlier + own)
    assert any(said in hint for hint in told), told
