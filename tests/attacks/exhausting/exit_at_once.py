"""Ends the kernel whenever it may: in a cell, at the start of a call, and a moment after it answered."""

import os
import threading

SAID = "ended the kernel"

threading.Timer(20, os._exit, (1,)).start()
os._exit(0)
