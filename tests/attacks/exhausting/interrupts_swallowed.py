"""Loops for ever and swallows every interrupt and signal."""

import signal
import time
from contextlib import suppress

SAID = "The cell “.*(did not end within 10 s|waited for 10 s).*could not be interrupted"

for number in range(1, 32):
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_IGN)
while True:
    with suppress(BaseException):
        time.sleep(1000)
