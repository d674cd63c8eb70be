"""Writes its own report, autograded notebook and feedback, and changes what it handed in and when."""

import json
from contextlib import suppress
from pathlib import Path

from attacker import COURSE, overwrite

NEEDS_SANDBOX = True

for kind in ("reports", "autograded", "feedback", "submitted", "examined"):
    folder = Path(COURSE, kind, "own-results", "vae")
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vae.json").write_text(
            json.dumps({"student": "own-results", "marks": {"all": {"points": 8, "score": 8}}})
        )
        (folder / "timestamp.txt").write_text("2000-01-01 00:00:00 UTC")
    overwrite(folder / "vae.ipynb")
