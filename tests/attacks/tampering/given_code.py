"""Changes the given code and the packages that it finds beside itself, for the next kernel to import."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from attacker import KIT, MARK, PLACES

import lab

NEEDS_SANDBOX = True

for folder in {
    Path(lab.__file__).parent,
    Path(os.__file__).parent,
    Path(KIT, "lab"),
    *map(Path, sys.path),
    *map(Path, PLACES),
}:
    with suppress(OSError):
        (folder / MARK).write_text("raise SystemExit")
for path in Path(lab.__file__).parent.glob("*.py"):
    with suppress(OSError):
        path.write_text("raise SystemExit('changed by a submission')\n")
with suppress(OSError):
    Path("sitecustomize.py").write_text("raise SystemExit('changed by a submission')\n")
    Path("torch.py").write_text("raise SystemExit('changed by a submission')\n")
