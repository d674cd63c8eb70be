"""Reads the assignment's source, and files of solutions, by their paths and through links of its own."""

from contextlib import suppress
from pathlib import Path

from attacker import COURSE, KIT, look

NEEDS_SANDBOX = True

for number, folder in enumerate(("source", "solutions", "release")):
    look(Path(COURSE, folder), Path(KIT, "solutions", "vae.py"), Path("..", "..", folder))
    with suppress(OSError):
        Path(f"link{number}").symlink_to(Path(COURSE, folder))
        look(f"link{number}")
