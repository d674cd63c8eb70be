"""Files of weights: named by model, K, epochs and seed, written whole or not at all, found again by that name.

safetensors only: such a file holds tensors and JSON and runs no code when it is read. Called by `lab.fit`, by notebooks
that compare several models, and by the grader, which gets these files with a submission.
"""

import json
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn

from lab.errors import CheckpointError

SUFFIX = ".safetensors"
HEADER_LIMIT = 2**20  # bytes: parsing takes memory many times its size; a model of the course has some thousand
METADATA_KEY = "lab"  # the one entry of the file's metadata that is ours; its value is JSON
_NAME = re.compile(r"(?P<model>.+)_k(?P<k>\d+)_epochs(?P<epochs>\d+)_seed(?P<seed>\d+)\.safetensors")
_REMEDY = "Delete or rename the file to train a new model."


@dataclass(frozen=True, order=True)
class Checkpoint:
    """A file of weights and what its name says."""

    model: str
    k: int
    epochs: int
    seed: int
    path: Path = field(compare=False)


def name(model: str, k: int, epochs: int, seed: int) -> str:
    """Return the name of the file.

    Example:
        >>> name("iwae", k=5, epochs=30, seed=0)
        'iwae_k5_epochs30_seed0.safetensors'
    """
    return f"{model}_k{k}_epochs{epochs}_seed{seed}{SUFFIX}"


def find(folder: str | Path) -> list[Checkpoint]:
    """Return the checkpoints in a folder, sorted by model, K, epochs and seed; other files are left out."""
    found = []
    for path in Path(folder).glob(f"*{SUFFIX}"):
        if match := _NAME.fullmatch(path.name):
            numbers = {key: int(match[key]) for key in ("k", "epochs", "seed")}
            found.append(Checkpoint(model=match["model"], path=path, **numbers))
    return sorted(found)


def save(path: str | Path, model: nn.Module, metadata: dict) -> None:
    """Write the model's parameters and buffers, whole or not at all.

    Args:
        path: the file; its folder is made.
        metadata: anything that JSON can hold.
    """
    write(path, model.state_dict(), metadata)


def load(path: str | Path, model: nn.Module) -> dict:
    """Read a file of `save` into the model and return its metadata.

    Raises:
        CheckpointError: when the file is missing or unreadable, or when its names or shapes are not the model's; the
            model is then as it was.
    """
    tensors, metadata = read(path)
    fill(model, tensors, path)
    return metadata


def write(path: str | Path, tensors: dict[str, torch.Tensor], metadata: dict) -> None:
    """Write tensors and metadata to a file, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = safetensors.torch.save(
        {key: _copy(tensor) for key, tensor in tensors.items()}, metadata={METADATA_KEY: json.dumps(metadata)}
    )
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: str | Path) -> tuple[dict[str, torch.Tensor], dict]:
    """Return the tensors, on the processor, and the metadata of a file.

    Raises:
        CheckpointError: when the file is missing or is no checkpoint.
    """
    try:
        with open(path, "rb") as file:
            if int.from_bytes(file.read(8), "little") > HEADER_LIMIT:
                raise ValueError(f"its header is said to have more than {HEADER_LIMIT} bytes")
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = json.loads(file.metadata()[METADATA_KEY])
            return {key: file.get_tensor(key) for key in file.keys()}, metadata  # noqa: SIM118 (no dict)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: there is no such checkpoint. Run the cell that trains the model.") from error
    except (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is not a readable checkpoint ({error}). {_REMEDY}") from error


def fill(model: nn.Module, tensors: dict[str, torch.Tensor], path: str | Path) -> None:
    """Copy the tensors into the model's parameters and buffers.

    Raises:
        CheckpointError: when a name or shape differs; names `path` and the first difference, and changes nothing.
    """
    expected = model.state_dict()
    missing = [key for key in expected if key not in tensors]
    unknown = [key for key in tensors if key not in expected]
    other = [key for key in expected if key in tensors and expected[key].shape != tensors[key].shape]
    if missing:
        difference = f"the model has {missing[0]!r}, which is not in the file"
    elif unknown:
        difference = f"the file has {unknown[0]!r}, which is not in the model"
    elif other:
        shapes = tuple(expected[other[0]].shape), tuple(tensors[other[0]].shape)
        difference = f"{other[0]!r} has shape {shapes[0]} in the model and {shapes[1]} in the file"
    else:
        model.load_state_dict(tensors)
        return
    raise CheckpointError(
        f"{path}\nholds the weights of another model:\n{difference}.\n"  # lines, as nbgrader validate cuts them
        f"Did the architecture or the latent dimension change since it was trained?\n{_REMEDY}"
    )


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    """Return a contiguous copy on the processor: safetensors refuses two names for one memory (tied weights)."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
