"""Inputs of the hidden tests: fresh for every student and test, the same at every regrade."""

import hashlib

import torch


class Draw:
    """Random tensors from one seed.

    Args:
        secret: the course's secret.
        *names: what the draw is for (student, assignment, test); any change gives other inputs.
    """

    def __init__(self, secret: str, *names: str):
        digest = hashlib.sha256("\x1f".join((secret, *names)).encode()).digest()
        self._generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    def normal(self, *shape: int, scale: float = 1.0, shift: float = 0.0, dtype=torch.float64) -> torch.Tensor:
        """Return normal numbers with standard deviation `scale` around `shift`."""
        return (torch.randn(shape, generator=self._generator, dtype=torch.float64) * scale + shift).to(dtype)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0, dtype=torch.float64) -> torch.Tensor:
        """Return numbers uniform in [low, high)."""
        return (torch.rand(shape, generator=self._generator, dtype=torch.float64) * (high - low) + low).to(dtype)

    def binary(self, *shape: int, p: float = 0.5, dtype=torch.float64) -> torch.Tensor:
        """Return zeros and ones, ones with probability p."""
        return (torch.rand(shape, generator=self._generator, dtype=torch.float64) < p).to(dtype)

    def integer(self, low: int, high: int) -> int:
        """Return an integer in [low, high]."""
        return int(torch.randint(low, high + 1, (), generator=self._generator))

    def seed(self) -> int:
        """Return a seed for a generator of the kernel."""
        return self.integer(0, 2**31 - 2)
