"""A trained model's learned prior: it counts with the density that its parameters stand for, and is refused where its own log_prob gives another."""

import contextlib
from dataclasses import dataclass
from typing import Any

import torch

from autograder.catalogue import LearnedPrior
from autograder.judging.draw import Draw
from autograder.kernel.failures import BadAnswer, Raised
from autograder.kernel.remote import Handle

ROWS = 2000  # codes per call
PRIOR_POINTS = 2000  # drawn from the prior, among the codes of images
MIN_AGREEING = 0.99  # share of codes; a floor inside the student's logarithm may change the rest
TOLERANCE = 1e-3  # relative, and absolute in nats: what the assignment asks of float32; rounding is below a tenth of it
MAX_MASS_ERROR = 0.15  # E_p[p_student / p] is 1 for a density that integrates to one; tolerance


@dataclass(frozen=True)
class Prior:
    """A learned prior.

    Args:
        handle: the submission's own.
        density: what the contract says its parameters stand for.
        called: its class, for messages.
    """

    handle: Handle
    density: Any
    called: str

    def check(self, codes: torch.Tensor, draw: Draw) -> None:
        """Ask for log_prob at codes, with points drawn from the density among them, in mixed order.

        No chance is left in the verdict: a log_prob that agrees to TOLERANCE passes, as each ratio at points drawn from the
        density is then within exp(±0.001 (1 + |log p|)) of 1, which is 0.93 to 1.08 at 70 nats.

        Raises:
            BadAnswer: it is not the density, at the codes or where the prior has its mass.
        """
        rows = torch.cat([codes, self.density.sample(PRIOR_POINTS, draw).float()])
        order = torch.argsort(draw.uniform(len(rows)))
        found = torch.empty(len(rows), dtype=torch.float64)
        for chunk in order.split(ROWS):
            found[chunk] = self._ask(rows[chunk])
        expected = self.density.log_prob(rows.double())
        difference = (found - expected).abs()
        agrees = difference[: len(codes)] <= TOLERANCE * (1 + expected[: len(codes)].abs())  # False for NaN
        if agrees.double().mean() < MIN_AGREEING:
            raise BadAnswer(
                f"{self.called}.log_prob(z) at the trained model's codes: expected the density that its parameters stand for, "
                f"got another one at {1 - agrees.double().mean():.0%} of the codes, {difference[: len(codes)].median():.3g} nats off at the median. "
                f"No bound was computed: correct {self.called}, delete the checkpoint and train again."
            )
        ratio = (
            torch.exp(found - expected)[len(codes) :].nan_to_num(0.0).clamp_max(2.0)
        )  # bounded: one point cannot make the mean
        if abs(ratio.mean() - 1) > MAX_MASS_ERROR:
            raise BadAnswer(
                f"{self.called}.log_prob(z) at points drawn from the prior: exp(log_prob(z)) over the density that its parameters stand "
                f"for, cut at 2, is {ratio.mean():.2f} in the mean; expected 1, as of a density that integrates to one. "
                "Does it treat some z otherwise?"
            )

    def _ask(self, z: torch.Tensor) -> torch.Tensor:
        answer = self.handle.log_prob(z)
        if not isinstance(answer, torch.Tensor) or answer.shape != z.shape[:1] or not answer.is_floating_point():
            got = (
                f"{answer.dtype} of shape {tuple(answer.shape)}"
                if isinstance(answer, torch.Tensor)
                else type(answer).__name__
            )
            raise BadAnswer(
                f"{self.called}.log_prob(z) for z of shape {tuple(z.shape)}: expected floats of shape ({len(z)},), got {got}."
            )
        return answer.detach().double()


def prior_of(model: Handle, asked: LearnedPrior | None) -> Prior | None:
    """Return a trained model's prior, None for N(0, I).

    Args:
        model: in evaluation mode, in a kernel that has seen no image: a prior does not know what it is asked about.
        asked: which prior the model is asked to have, None for N(0, I).
    Raises:
        StudentError: it has another one, or parameters that the contract does not allow.
    """
    if asked is None:
        with contextlib.suppress(BadAnswer):  # an object that is no plain value
            if model.value("prior") is None:
                return None
        raise BadAnswer("The trained model's prior: expected None, the standard normal prior, got another one.")
    handle = model.attribute("prior")
    try:
        parameters = handle.state().parameters
    except Raised:
        raise BadAnswer(f"The trained model's prior: expected a {asked.called}, got no module at all.") from None
    return Prior(handle, asked.density(parameters), asked.called)
