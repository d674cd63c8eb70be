"""Adds code to the files that the grader reads at its next start, and replaces the course's secret."""

from contextlib import suppress
from pathlib import Path

from attacker import COURSE, MARK

NEEDS_SANDBOX = True

for name in ("course_config.py", "nbgrader_config.py", ".course_secret", "sitecustomize.py", "jupyter_config.py"):
    with suppress(OSError), open(Path(COURSE, name), "a") as file:
        file.write(f"# {MARK}\n")
