"""Writes garbage to all descriptors in a cell: the kernel's connections end, and who speaks to it may wait for ever."""

import contextlib
import os

for descriptor in range(3, 64):
    with contextlib.suppress(OSError):
        os.write(descriptor, b"garbage" * 10)
