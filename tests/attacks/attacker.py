"""What every attack may count on: it knows where things lie, how a secret looks, and how to pass one on.

Stands in the kernel as the module `attacker`; the harness fills in the first names.
"""

import base64
import os
import re
from contextlib import suppress
from pathlib import Path

COURSE = HOME = KIT = MARK = SIGNAL = ""  # the course's folder, the grader's home, the kit; names of files and sockets
GRADER = PORT = 0  # the grader's process; where somebody listens
PLACES = ()  # folders in which the harness looks for files named MARK
LOOT = []


def tell(*texts):
    """Print every secret in texts or bytes as it is, reversed, in hex and in base64, and keep it."""
    for text in texts:
        text = text if isinstance(text, bytes) else str(text).encode()
        for secret in {*re.findall(rb"decoy[0-9a-f]{24}", text), text[:100]}:
            plain = secret.decode(errors="replace")
            LOOT.append(plain)
            print(plain, plain[::-1], secret.hex(), base64.b64encode(secret).decode(), " ".join(plain))


def look(*paths):
    """Tell what stands in files and below folders, as far as they can be read."""
    for path in map(Path, paths):
        try:
            files = sorted(path.rglob("*"))[:300] if path.is_dir() else [path]
        except OSError:
            continue
        for file in files:
            with suppress(OSError):
                if file.is_file():
                    tell(file.read_bytes()[:2_000_000])


def mark(*folders):
    """Leave a file in every folder that allows it."""
    for folder in folders:
        with suppress(OSError):
            Path(folder, MARK).write_text("here")


def overwrite(*paths):
    """Change files, by whatever way the system allows."""
    for path in map(Path, paths):
        for change in (
            lambda path: path.chmod(0o666),
            lambda path: path.write_text("changed by a submission"),
            lambda path: os.utime(path, (1, 1)),
            lambda path: path.rename(f"{path}.moved"),
        ):
            with suppress(OSError):
                change(path)
