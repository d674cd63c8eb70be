"""What comes back from a submission where it is more than a value."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Gradient:
    """A value and the gradients of its sum weighted by the cotangent; None where none flows."""

    value: torch.Tensor
    inputs: tuple
    parameters: dict


@dataclass(frozen=True)
class Inspection:
    """A value, the call's tensor arguments as they are afterwards (None for others), what the call printed, and what it
    changed of torch's own state, by name."""

    value: object
    arguments: tuple
    printed: str
    surroundings: tuple = ()


@dataclass(frozen=True)
class State:
    """A module's parameters, buffers, gradients, and flags, each by name."""

    parameters: dict
    buffers: dict
    gradients: dict
    requires_grad: dict
    training: dict


@dataclass(frozen=True)
class Convolutions:
    """Kernel sizes above 1 used in a call, its outputs, and its outputs where these convolutions return zeros."""

    kernels: list
    output: tuple
    ablated: tuple


@dataclass(frozen=True)
class Watched:
    """A value, how each part of a model was called (calls, numbers in the largest input, numbers in all), and the bytes of tensors
    that were alive at once."""

    value: object
    parts: dict
    peak_bytes: int
