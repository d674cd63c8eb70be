"""Makes the gradebook unreadable, locks it, moves it away and puts another one in its place."""

import fcntl
from contextlib import suppress
from pathlib import Path

from attacker import COURSE, overwrite

NEEDS_SANDBOX = True

path = Path(COURSE, "gradebook.db")
with suppress(OSError):
    lock = open(path, "r+b")  # noqa: SIM115 (kept open, so that it stays locked)
    fcntl.lockf(lock, fcntl.LOCK_EX)
overwrite(path, path.with_name("gradebook.db-journal"), path.with_name("gradebook.db-wal"))
