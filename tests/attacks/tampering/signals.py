"""Stops and ends the grader, its parent, and every process that it may signal."""

import os
import signal
from contextlib import suppress

from attacker import GRADER

DANGEROUS = True

for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL):
    for pid in (GRADER, -GRADER, os.getppid()):
        if pid not in (0, 1):
            with suppress(OSError):
                os.kill(pid, number)
with suppress(OSError):
    signal.pidfd_send_signal(os.pidfd_open(GRADER), signal.SIGKILL)
