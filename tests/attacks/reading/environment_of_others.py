"""Reads environment and command lines of the grader and of every other process."""

import os
from pathlib import Path

from attacker import GRADER, look

NEEDS_SANDBOX = True

for pid in (GRADER, os.getppid(), *(path.name for path in Path("/proc").glob("[0-9]*"))):
    look(*(Path("/proc", str(pid), name) for name in ("environ", "cmdline")))
