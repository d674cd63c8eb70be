"""Reads what other students handed in, how it was graded, and what they were told."""

from pathlib import Path

from attacker import COURSE, look

NEEDS_SANDBOX = True

look(*(Path(COURSE, kind, "ada") for kind in ("submitted", "autograded", "feedback", "reports", "examined")))
