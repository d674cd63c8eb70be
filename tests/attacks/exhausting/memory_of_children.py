"""Takes memory without end in many small children, none of which is large."""

import os
import time

SAID = "memory"

for _ in range(40):
    if os.fork() == 0:
        held = bytearray(b"x") * (100 * 2**20)
        time.sleep(1000)
        os._exit(len(held))
time.sleep(1000)
