"""Ctrl-C while grading: ends the run wherever it comes, once, and leaves nothing half done.

A KeyboardInterrupt may be lost on its way, as in a library that catches everything; `check` raises it again at the next door. Called
by `door.autograde`, by `nbgrader_config.py` before anything large is imported, and where a step must not be cut in two.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

STATUS = 130  # of a program that Ctrl-C ended, as shells have it

_asked = False  # a signal came in this run
_waiting = False  # it came inside `held`, and is still to be raised
_depth = 0  # of `held`


def quiet(arguments: list[str]) -> None:
    """Let Ctrl-C end `nbgrader autograde` in one line also before grading has begun.

    Args:
        arguments: of the program, sys.argv; of every other command Ctrl-C stays what it is.
    """
    ordinary = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if arguments[1:2] == ["autograde"] and ordinary and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _end)


@contextmanager
def watched() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first Ctrl-C inside, and ignore further ones, which would cut off cleaning up.

    What was started inside ends with it: a process may have begun in the moment of the signal.
    """
    global _asked, _waiting
    if threading.current_thread() is not threading.main_thread():  # of formgrader's server: no signal comes here
        yield
        return
    _asked = _waiting = False
    known = set(psutil.Process().children())
    before = signal.signal(signal.SIGINT, _raise)
    try:
        yield
    except KeyboardInterrupt:
        for child in set(psutil.Process().children()) - known:
            for process in (*_below(child), child):
                with suppress(psutil.Error):
                    process.kill()
        raise
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def held() -> Iterator[None]:
    """Let a Ctrl-C inside wait for the end: what is done here is done whole. Also a decorator."""
    global _depth, _waiting
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if _waiting and not _depth:
            _waiting = False
            raise KeyboardInterrupt


@contextmanager
def allowed() -> Iterator[None]:
    """Let a Ctrl-C inside take effect at once, also inside `held`: here somebody waits for something long."""
    global _depth, _waiting
    depth, _depth = _depth, 0
    try:
        if _waiting:
            _waiting = False
            raise KeyboardInterrupt
        yield
    finally:
        _depth = depth


def check() -> None:
    """Raise KeyboardInterrupt where one came and was lost."""
    if _asked:
        raise KeyboardInterrupt


def _below(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return process.children(recursive=True)
    return []


def _raise(number, frame) -> None:
    global _asked, _waiting
    _asked = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if _depth:
        _waiting = True
    else:
        raise KeyboardInterrupt


def _end(number, frame) -> None:
    print("Stopped before anything was graded.", file=sys.stderr)
    sys.exit(STATUS)
