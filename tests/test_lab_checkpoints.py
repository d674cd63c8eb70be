"""The lab's checkpoints: names, atomic files, and errors that say what differs."""

import os

import pytest
import torch
from torch import nn

from lab import checkpoints
from lab.errors import CheckpointError


def model(width=3):
    return nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width), nn.Linear(width, 1))


def test_checkpoint_is_found_by_its_name(tmp_path):
    """A name says model, K, epochs and seed; find reads them back, in order, and leaves other files out."""
    names = [
        checkpoints.name("vae", 1, 30, 10),
        checkpoints.name("vae", 1, 30, 2),
        checkpoints.name("my_iwae_k5", 50, 6, 0),
    ]
    for file in [*names, "vae.safetensors", "notes.txt", "vae_k1_epochs30_seed2.unfinished"]:
        (tmp_path / file).touch()
    found = [(c.model, c.k, c.epochs, c.seed, c.path.name) for c in checkpoints.find(tmp_path)]
    assert found == [
        ("my_iwae_k5", 50, 6, 0, names[2]),
        ("vae", 1, 30, 2, names[1]),
        ("vae", 1, 30, 10, names[0]),
    ]


def test_find_in_no_folder_finds_nothing(tmp_path):
    """A folder that is not there holds no checkpoints."""
    assert checkpoints.find(tmp_path / "nothing") == []


def test_checkpoint_brings_back_parameters_buffers_and_metadata(tmp_path):
    """What is saved comes back bit for bit, buffers and metadata included."""
    saved, loaded = model(), model()
    saved(torch.randn(5, 2))  # moves the running mean
    metadata = {"loss": [1.5, 2.25], "name": "π", "nothing": None}
    checkpoints.save(tmp_path / "new" / "a.safetensors", saved, metadata)
    assert checkpoints.load(tmp_path / "new" / "a.safetensors", loaded) == metadata
    for key, tensor in saved.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], tensor), key


def test_checkpoint_holds_tied_weights(tmp_path):
    """Two names for one tensor are saved and loaded."""
    tied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tied[1].weight = tied[0].weight
    checkpoints.save(tmp_path / "a.safetensors", tied, {})
    checkpoints.load(tmp_path / "a.safetensors", tied)


def test_save_leaves_the_old_file_when_it_fails(tmp_path, monkeypatch):
    """A crash while writing leaves the earlier checkpoint and no other file."""
    path = tmp_path / "a.safetensors"
    checkpoints.save(path, model(), {"run": 1})

    def crash(*args):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="disk full"):
        checkpoints.save(path, model(), {"run": 2})
    assert checkpoints.load(path, model()) == {"run": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (model(4), r"'0.weight' has shape \(4, 2\) in the model and \(3, 2\) in the file"),
        (nn.Sequential(nn.Linear(2, 3)), r"the file has '1.bias', which is not in the model"),
        (nn.Sequential(*model(), nn.Linear(1, 1)), r"the model has '3.weight', which is not in the file"),
    ],
    ids=["shape", "unknown", "missing"],
)
def test_load_names_the_difference_and_changes_nothing(tmp_path, other, difference):
    """Weights of another architecture are refused by name or shape, with the remedy, before anything is copied."""
    path = tmp_path / "vae.safetensors"
    checkpoints.save(path, model(), {})
    before = {key: tensor.clone() for key, tensor in other.state_dict().items()}
    with pytest.raises(CheckpointError, match=f"(?s){difference}.*Delete or rename the file") as caught:
        checkpoints.load(path, other)
    assert str(path) in str(caught.value)
    assert all(torch.equal(other.state_dict()[key], tensor) for key, tensor in before.items())


@pytest.mark.parametrize(
    "content", [b"", b"junk", b"\x02\x00\x00\x00\x00\x00\x00\x00{}"], ids=["empty", "junk", "foreign"]
)
def test_load_explains_an_unreadable_file(tmp_path, content):
    """A broken or foreign file is named, with what to do."""
    path = tmp_path / "vae.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="vae.safetensors is not a readable checkpoint.*Delete or rename"):
        checkpoints.load(path, model())


def test_load_explains_a_missing_file(tmp_path):
    """A file that is not there is reported with the cell to run."""
    with pytest.raises(CheckpointError, match="there is no such checkpoint. Run the cell"):
        checkpoints.load(tmp_path / "vae.safetensors", model())


def test_long_header_is_not_parsed(tmp_path, monkeypatch):
    """A file whose header is said to be longer than a model's is refused by its first eight bytes."""
    path = tmp_path / "vae.safetensors"
    path.write_bytes(
        (checkpoints.HEADER_LIMIT + 1).to_bytes(8, "little") + b"{" + b" " * checkpoints.HEADER_LIMIT + b"}"
    )
    monkeypatch.setattr(checkpoints.safetensors, "safe_open", lambda *args, **kwargs: pytest.fail("it was parsed"))
    with pytest.raises(CheckpointError, match="not a readable checkpoint .*more than 1048576 bytes"):
        checkpoints.read(path)
