"""Changes what a neighbour handed in, its copy at the grader's, its report and its feedback."""

from pathlib import Path

from attacker import COURSE, overwrite

NEEDS_SANDBOX = True

for kind in ("submitted", "autograded", "reports", "feedback", "examined"):
    overwrite(*Path(COURSE, kind, "ada", "vae").glob("*"), Path(COURSE, kind, "ada", "vae", "new.txt"))
