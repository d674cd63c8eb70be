"""Reads the course's secret, from which the hidden tests' inputs follow, and its configuration."""

import importlib
import sys
from contextlib import suppress
from pathlib import Path

from attacker import COURSE, look, tell

NEEDS_SANDBOX = True

look(*(Path(COURSE, name) for name in (".course_secret", "course_config.py", "nbgrader_config.py")))
sys.path.insert(0, COURSE)
with suppress(ImportError):
    tell(Path(importlib.import_module("course_config").__file__).read_text())
