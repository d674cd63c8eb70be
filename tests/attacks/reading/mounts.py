"""Looks in its own /proc for the machine's folders: the sources of mounts name them."""

from pathlib import Path

from attacker import HOME, KIT, tell

NEEDS_SANDBOX = True

for name in ("mountinfo", "mounts", "mountstats", "maps", "cmdline", "environ", "status", "cgroup"):
    for process in ("self", "1", "thread-self"):
        try:
            text = Path("/proc", process, name).read_text()
        except OSError:
            continue
        tell(text)
        if HOME in text or KIT in text:
            tell(*(line for line in text.splitlines() if HOME in line or KIT in line))
            raise SystemExit(text)
