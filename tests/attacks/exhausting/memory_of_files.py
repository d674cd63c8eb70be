"""Takes memory without end in shared memory, and in files without a name where the sandbox has them."""

import contextlib
import mmap
import os

SAID = "memory|files"

held = []
while True:
    held.append(mmap.mmap(-1, 2**24))
    held[-1].write(b"x" * 2**24)
    with contextlib.suppress(OSError):
        held.append(os.memfd_create("x"))
        os.write(held[-1], b"x" * 2**24)
