"""Reads the gradebook, as a database and as a file."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from attacker import COURSE, look, tell

NEEDS_SANDBOX = True

path = Path(COURSE, "gradebook.db")
with suppress(sqlite3.Error):
    for table in ("student", "grade", "comment", "submitted_assignment"):
        tell(sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute(f"select * from {table}").fetchall())
look(path)
