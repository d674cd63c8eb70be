"""Will not end when it is asked to: ignores signals, hangs at exit, and holds everything open."""

import atexit
import signal
import threading
import time

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
threading.Thread(target=time.sleep, args=(10_000,)).start()
atexit.register(time.sleep, 10_000)
threading._register_atexit(time.sleep, 10_000)
