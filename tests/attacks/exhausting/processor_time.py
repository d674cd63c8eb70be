"""Burns the processor in children while the kernel itself seems to wait."""

import os
import time

SAID = "processor time|did not end within"
COSTS = ("reparameterize", "gaussian_log_prob", "kl_standard_normal")

for _ in range(16):
    if os.fork() == 0:
        while True:
            pass
time.sleep(1000)
