"""Changes the assignment's source and release, so that the next submissions are compared with other ones."""

from pathlib import Path

from attacker import COURSE, overwrite

NEEDS_SANDBOX = True

overwrite(*(path for kind in ("source", "release") for path in Path(COURSE, kind).rglob("*") if path.is_file()))
