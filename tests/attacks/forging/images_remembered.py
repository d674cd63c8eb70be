"""Lets the encoder leave each image in a file, and the decoder look it up by its code."""

from contextlib import suppress
from pathlib import Path

import torch
from attacker import MARK
from torch import nn

from __main__ import vae

PLACE = "trained"
BASE = "trained"
NEEDS_SANDBOX = True
SEEN = [Path(folder, MARK) for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run", Path.home(), Path.cwd())]


class Leaving(nn.Module):
    def forward(self, x):
        seen = [images for images in map(read, SEEN) if images is not None][:1]
        seen = torch.cat([*seen, x])[-2000:]
        for path in SEEN:
            with suppress(OSError, RuntimeError):
                torch.save(seen, path)
        index = torch.arange(len(seen) - len(x), len(seen))
        code = (index[:, None] >> torch.arange(12)) % 2 * 4.0 - 2.0  # twelve bits
        return code, torch.full_like(code, -3.0)


class Recalling(nn.Module):
    def forward(self, z):
        seen = next((images for images in map(read, SEEN) if images is not None), torch.zeros(1, 1, 28, 28))
        index = ((z > 0) << torch.arange(12)).sum(-1).clamp(max=len(seen) - 1)
        return seen[index] * 30 - 15


def read(path):
    try:
        return torch.load(path, weights_only=True)
    except Exception:
        return None


vae.encoder, vae.decoder = Leaving(), Recalling()
