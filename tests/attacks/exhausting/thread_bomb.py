"""Starts threads without end."""

import threading
import time

SAID = "processes and threads"

while True:
    try:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    except RuntimeError:
        time.sleep(0.01)
