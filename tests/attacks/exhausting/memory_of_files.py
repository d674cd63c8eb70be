"""Takes memory without end in shared memory, files without a name, and pipes."""

import mmap
import os

SAID = "memory|files"

held = []
while True:
    held.append(mmap.mmap(-1, 2**24))
    held[-1].write(b"x" * 2**24)
    held.append(os.memfd_create("x"))
    os.write(held[-1], b"x" * 2**24)
