"""`python -m tests.attacks.grading`: grades what a course has, by nbgrader's own program, whenever it is asked to.

Reads a request a line from its standard input, {"options", "variables", "log"}, and answers each with a line, the exit
statuses of `nbgrader autograde` and `nbgrader generate_feedback`. What these print goes to the log.
"""

import ctypes
import functools
import gc
import json
import os
import sys
from contextlib import suppress

from nbgrader.apps.nbgraderapp import NbGraderApp
from traitlets.config import Application

from autograder.trained import likelihood
from lab import glyphs

PR_SET_CHILD_SUBREAPER = 36  # of linux/prctl.h: what submissions leave running becomes a child of this process
ASSIGNMENT = "vae"


def main() -> None:
    """Answer requests until the input ends."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    likelihood.IMAGES, likelihood.NUM_SAMPLES = 32, 100  # fewer than for a class
    glyphs.render = functools.cache(glyphs.render)  # a class of many submissions draws the images once
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        os.environ.update(request["variables"])
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.close(log)
        statuses = [nbgrader(command, *request["options"]) for command in ("autograde", "generate_feedback")]
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        sys.stderr.flush()
        print(json.dumps(statuses), file=answers, flush=True)


def nbgrader(command: str, *options: str) -> int:
    """Run one of nbgrader's commands as its program does, and return its exit status."""
    status = 0
    try:
        NbGraderApp.launch_instance([command, ASSIGNMENT, *options])
    except SystemExit as end:
        status = end.code or 0
    type(Application.instance()).clear_instance()
    sys.last_exc = sys.last_value = sys.last_traceback = (
        None  # pytest leaves the last failure there, with all its frames
    )
    gc.collect()  # as at the end of the program: what the command kept for its own time is let go
    return status


if __name__ == "__main__":
    main()
