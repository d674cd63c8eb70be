"""Waits for ever in a cell without using the processor, which no limit on processor time ends."""

import time

SAID = "The cell “.*waited for 10 s without computing"

while True:
    time.sleep(1)
