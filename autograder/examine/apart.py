"""Examines each submission in a process of its own, with a hard deadline and a bound on its memory.

Whatever a submission makes the grader's libraries do, it costs its own examination alone: a process that hangs, grows or dies ends as
"not graded" with the reason, and the run goes on. What comes back is JSON. Called by `door.preprocessors`; runs `examine.examine`.
"""

import contextlib
import json
import multiprocessing
import multiprocessing.util
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path

import nbformat
import psutil

from autograder import interrupt
from autograder.course import Course
from autograder.examine.examine import examine
from autograder.kernel.live import remove
from autograder.reporting.report import Report
from autograder.sandbox.limits import descendants

SPARE_S = 300  # beyond the submission's time: what is under way then may still end by itself
MEMORY_MIB = 3072  # of the grader's own process, beside the submission's kernel
ANSWER_LIMIT = 2**28  # bytes of an executed notebook with its report
END_S = 10  # for a process that is asked to end, until it is killed
LOOK_S = 1.0
LONGEST = 70  # characters of the temporary folder, in which sockets lie, whose whole names may have 107
SERVED, FORKED = "forkserver", "fork"  # how multiprocessing starts a process


class Lost(Exception):
    """The examination did not come to its end; the text is the reason that everybody is told."""


def examined(
    course: Course,
    notebook: nbformat.NotebookNode,
    files: dict[str, bytes],
    *,
    student: str,
    assignment: str,
    name: str,
    unjudged: Mapping[str, Exception] | None = None,
    log: Callable[[str], None] = print,
    start: str = SERVED,
) -> tuple[Report, nbformat.NotebookNode]:
    """Return what `examine.examine` reports, and the executed notebook.

    Args:
        course, notebook, files, student, assignment, name, unjudged, log: as `examine.examine` takes them.
        start: as `run` takes it.
    Raises:
        Lost: the process had to be ended, or ended by itself.
    """
    known = {"student": student, "assignment": assignment, "name": name, "unjudged": unjudged}
    given = (course, nbformat.writes(notebook), files, known)
    told = run(_examine, given, course.submission_timeout_s + SPARE_S, log, start=start)
    return Report.model_validate(told["report"]), nbformat.reads(told["notebook"], as_version=4)


def run(
    target: Callable,
    arguments: tuple,
    seconds: float,
    log: Callable[[str], None],
    memory_mib: int = MEMORY_MIB,
    start: str = SERVED,
) -> dict:
    """Return what a function sends from a process of its own, of which nothing is left afterwards.

    Args:
        target: called as target(send, *arguments); `send` takes what JSON can hold, {"log": line} or the answer.
        arguments: of the function.
        seconds: until the process is ended.
        log: called with each line.
        memory_mib: beyond which the process is ended.
        start: of the process: SERVED, from one that has loaded everything for all examinations to come, or FORKED, from this one, which
            then loads nothing twice, and must have no threads.
    Raises:
        Lost: the process had to be ended, or ended by itself.
    """
    context = multiprocessing.get_context(start)
    if start == SERVED:
        context.set_forkserver_preload(["autograder.examine.warm"])
    with contextlib.ExitStack() as stack:
        ours, theirs = context.Pipe()
        stack.callback(ours.close)
        with interrupt.held():
            place = tempfile.mkdtemp(prefix="vae-", dir=_room())  # short, as names of sockets are
            stack.callback(interrupt.held()(remove), Path(place))
        process = context.Process(target=_begin, args=(theirs, place))
        stack.callback(_end, process)
        process.start()
        theirs.close()
        with contextlib.suppress(ConnectionError):  # it has ended already, which is told with its status
            ours.send((target, arguments))
        return _answer(process, ours, seconds, log, memory_mib)


def _room() -> str:
    """Return the folder for what lies in temporary ones, also for multiprocessing's own sockets: one with a short name."""
    usual = tempfile.gettempdir()
    if len(usual) <= LONGEST:
        return usual
    named = {name: os.environ.pop(name) for name in ("TMPDIR", "TEMP", "TMP") if name in os.environ}
    tempfile.tempdir = None  # so that the system's own is looked for
    try:
        multiprocessing.util.get_temp_dir()  # asked for once, and kept
        return tempfile.gettempdir()
    finally:
        os.environ.update(named)
        tempfile.tempdir = usual


def _answer(process, connection: Connection, seconds: float, log, memory_mib: int) -> dict:
    deadline, watched = time.monotonic() + seconds, None
    while True:
        with contextlib.suppress(psutil.Error):
            watched = watched or psutil.Process(process.pid)
            if watched.memory_info().rss > memory_mib * 2**20:
                raise Lost(f"the grader's own process took more than {memory_mib} MiB of memory")
        if time.monotonic() > deadline:
            raise Lost(f"the examination did not end within {seconds:.0f} s and was stopped")
        if not connection.poll(LOOK_S):
            continue
        try:
            told = json.loads(connection.recv_bytes(ANSWER_LIMIT))
        except (EOFError, ConnectionError):  # the latter where it left unread what was sent
            process.join(END_S)
            raise Lost(f"the grader's own process ended (status {process.exitcode})") from None
        except OSError:
            raise Lost(f"the executed notebook has more than {ANSWER_LIMIT // 2**20} MiB") from None
        if "log" not in told:
            return told
        log(told["log"])


def _begin(connection: Connection, place: str) -> None:
    """Call the function that is sent, with its arguments; the new process begins here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for who waits for the answer
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_follow, daemon=True).start()
    tempfile.tempdir = place
    try:
        target, arguments = connection.recv()
    except (EOFError, OSError):  # who sends ended in the middle
        return

    def send(told: dict) -> None:
        with contextlib.suppress(BrokenPipeError):  # nobody listens any more
            connection.send_bytes(json.dumps(told).encode("utf-8", "replace"))

    try:
        target(send, *arguments)
    except KeyboardInterrupt:
        raise SystemExit(1) from None


def _examine(send: Callable[[dict], None], course: Course, notebook: str, files: dict[str, bytes], known: dict) -> None:
    submission = nbformat.reads(notebook, as_version=4)
    report = examine(course, submission, files, **known, log=lambda line: send({"log": line}))
    send({"report": report.model_dump(mode="json"), "notebook": nbformat.writes(submission)})


def _follow() -> None:
    """Ask this process to end when the one that waits for it has ended, also where that was killed: its kernels would go on for nobody."""
    waiting = multiprocessing.parent_process()
    if waiting is not None:
        waiting.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _leave(number, frame) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt  # so that kernels end and their folders go on the way out; pytest would take a SystemExit for a test's


@interrupt.held()
def _end(process) -> None:
    """End a process that has answered or will not, and all that it started."""
    if process.pid is None:  # it was never started
        return
    started = descendants(process.pid)
    if process.is_alive():
        process.terminate()
        process.join(END_S)
    for one in started:
        with contextlib.suppress(psutil.Error):
            one.kill()
    process.join(END_S)
