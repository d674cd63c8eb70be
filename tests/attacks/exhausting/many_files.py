"""Makes a million small files, folders and links."""

import os
from contextlib import suppress

SAID = "files"

for number in range(1_000_000):
    with suppress(OSError):
        os.makedirs(f"many/{number % 1000}", exist_ok=True)
        open(f"many/{number % 1000}/{number}", "w").close()
        os.symlink("nowhere", f"many/{number % 1000}/{number}-link")
