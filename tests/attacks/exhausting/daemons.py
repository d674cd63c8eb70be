"""Leaves processes that are detached, ignore every signal, and write to a neighbour's folder when it has ended."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from attacker import COURSE, MARK

for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(1, 32):
                with suppress(OSError):
                    signal.signal(number, signal.SIG_IGN)
            os.closerange(0, 1000)
            for _ in range(600):
                time.sleep(0.1)
                with suppress(OSError):
                    Path(COURSE, "submitted", "ada", MARK).write_text("here")
        os._exit(0)
