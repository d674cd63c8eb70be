"""A submission's notebook in a live kernel: runs it, then answers calls through `agent`; hanging and dying calls cost a restart.

A restart runs the same cells again, but for those that hung or ended the kernel. Time is counted as the processor time of the kernel;
what takes far longer on the clock, on a busy machine, is left not graded. Everything that comes out of the kernel is bounded while it
is collected. Called by `examine` and `doctor`; knows nothing of tests or scores.
"""

import contextlib
import copy
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import zmq
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from autograder.course import Course
from autograder.kernel import sent
from autograder.kernel.failures import Died, NotGraded, StudentError, TooSlow
from autograder.kernel.live import IDLE, Kernel, SetupError
from autograder.kernel.remote import Student
from autograder.kernel.runner import BoundedClient, aside, error_of, tell

MAX_RESTARTS = 12
STRIKES = 2  # so many calls of one function may hang or kill; further ones are answered at once
PATIENCE = 6  # so many times its processor time a cell or call may take on the clock
LINGERING_S = 0.3  # in which a kernel ends that was asked to by a cell


@dataclass(frozen=True)
class Plan:
    """What a session does beside running the notebook's cells from top to bottom.

    Attributes:
        given: sources that are run before the cell of this index, as they were released.
        tests: index of a test cell to its exercise; what names mean there is kept.
        once: indices of cells that only the first run executes.
        own: indices of the student's own cells, which are left out where the kernel does not live without that.
        place: returns the words for the cell of an index.
    """

    given: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    tests: Mapping[int, str] = field(default_factory=dict)
    once: frozenset[int] = frozenset()
    own: frozenset[int] = frozenset()
    place: Callable[[int], str] = lambda index: f"cell {index + 1}"


class Session:
    """A submission's notebook in a live kernel; use as a context manager.

    Args:
        course: limits and device.
        notebook: the submission; its cells' outputs are filled in by the first run.
        files: what the kernel gets copies of, {relative path: content}.
        log: called with one line for the instructor when something had to be stopped.
        plan: what is done beside running the cells.
        deadline: of the submission, on the monotonic clock; by default, as long from now as the course allows.
    Attributes:
        errors: index of a cell to the first error that it ended a statement with in the first run, in words.
        seconds: index of a cell to the time it took in the first run.
        computed: processor seconds of the kernels that have ended.
    """

    def __init__(
        self,
        course: Course,
        notebook: nbformat.NotebookNode,
        files: dict[str, bytes],
        log=lambda line: None,
        plan: Plan | None = None,
        deadline: float | None = None,
    ):
        self._course, self._notebook, self.files, self._log = course, notebook, files, log
        self._plan = plan or Plan()
        self.deadline = time.monotonic() + course.submission_timeout_s if deadline is None else deadline
        self.errors: dict[int, str] = {}
        self.seconds: dict[int, float] = {}
        self.computed = 0.0
        self._bad_cells: dict[int, str] = {}
        self._starved: set[int] = set()  # cells that the machine did not give enough time
        self._care = (
            0  # 1: look after each cell whether the kernel answers; 2: leave out the student's own cells; 3: give up
        )
        self._looked = False  # whether cells were looked at with care, and the kernel answered at the end
        self._found = False  # whether care has found a cell before: from the next one on it is kept to the end
        self._strikes: dict[str, int] = {}
        self._waited: set[str] = set()  # functions whose calls the machine did not give enough time
        self._restarts = -1
        self._kernel: Kernel | None = None
        self._ran = False
        self.student = Student(self._transport, course.message_limit_mib * 2**20, self._why_missing)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    @property
    def _alive(self) -> bool:
        """Whether there is a kernel that answers calls."""
        return self._kernel is not None and self._kernel.alive

    @property
    def _now(self) -> Kernel:
        """The kernel, for who knows that there is one."""
        if self._kernel is None:
            raise SetupError("no kernel was started")
        return self._kernel

    def run(self) -> dict[int, str]:
        """Start the kernel and run the notebook; return what stopped which cell, by index."""
        try:
            while not self._start():
                pass
        except (StudentError, NotGraded) as error:  # each call will try again, and say so
            self._log(str(error))
            self.close()
        return dict(self._bad_cells)

    def learn(self, other: "Session") -> None:
        """Take from a session of the same cells which of them end a kernel or its time, so that none does so again."""
        self._bad_cells |= other._bad_cells
        self._starved |= other._starved

    def workplace(self) -> Path | None:
        """Return a path of the kernel's working folder that stays what it is whatever stands at its name; None without a kernel."""
        return Path(f"/proc/self/fd/{self._now.provisioner.work}") if self._alive else None

    def restart(self) -> None:
        """End the kernel, so that the next call meets a new one that remembers nothing."""
        self._restarts -= 1  # asked for, so not counted
        self.close()

    def close(self) -> None:
        """End the kernel and remove all it wrote."""
        if self._kernel is not None:
            self.computed += self._kernel.close()

    # --- starting --------------------------------------------------------------------------------

    def _start(self) -> bool:
        """Run the notebook in a new kernel; return whether the kernel lived through it and answers."""
        self.close()
        if self._care > 2:
            raise Died("The kernel ended, or answered no more, after the notebook's last cell.")
        self._restarts += 1
        if self._restarts > MAX_RESTARTS:
            raise TooSlow("The kernel had to be restarted too often; the remaining tests were not tried.")
        self._within_time()
        notebook = copy.deepcopy(self._notebook) if self._ran else self._notebook
        self._kernel = Kernel(self._course, self.deadline)
        runner = self._now.start(notebook, self.files)
        try:
            self._now.prepare(runner)
            for index, cell in enumerate(notebook.cells):
                self._run_given(runner, index)
                if cell.cell_type == "code" and not self._left_out(index):
                    self._within_time()
                    if index in self._plan.tests:
                        tell(runner, sent.reached(self._plan.tests[index]))
                    if not self._run_cell(runner, cell, index):
                        return False
            self._run_given(runner, len(notebook.cells))
        except zmq.Again:  # it takes no message; a cell before this one saw to that
            self._care += 1
            return False
        finally:
            self._now.leave(runner)
        self._ran = True
        if not self._now.connect():
            self._care += 1
            return False
        if self._care == 1:  # nothing is wrong with the cells, or no more
            self._care, self._looked = 0, True
        return True

    def _run_given(self, runner: BoundedClient, index: int) -> None:
        """Run what was given in the place of this index; the next cell meets what became of the kernel."""
        for source in self._plan.given.get(index, ()):
            clock = self._now.clock()
            runner.over = lambda clock=clock: bool(self._over(clock))
            with contextlib.suppress(DeadKernelError, CellTimeoutError):
                aside(runner, source)

    def _left_out(self, index: int) -> bool:
        plan = self._plan
        return index in self._bad_cells or (self._ran and index in plan.once) or (self._care > 1 and index in plan.own)

    def _run_cell(self, runner: BoundedClient, cell, index: int) -> bool:
        """Run a cell; return whether the kernel lived through it."""
        threads, clock = self._now.provisioner.threads(), self._now.clock()
        problem, lived, what = "", True, []

        def over() -> bool:
            what[:] = [self._over(clock)]
            return bool(what[0])

        runner.over = over
        try:
            runner.execute_cell(cell, index)
            if what and what[0]:
                problem = f"{what[0]} and was interrupted"
                # what it started would take the time of all that comes after it
                lived = self._now.provisioner.threads() <= threads
            if self._now.provisioner.look():  # what it left behind must not be blamed on the next cell
                problem, lived = self._ended("ended the kernel"), False
            elif lived and self._care:
                time.sleep(LINGERING_S)
                if not self._now.answers():
                    if self._another(index):
                        return False
                    problem, lived = "ended the kernel, or kept it from answering", False
        except DeadKernelError:
            if self._another(index):
                return False
            problem, lived = self._ended("ended the kernel"), False
        except CellTimeoutError:
            late = what and what[0]
            problem = f"{late}, could not be interrupted" if late else "put out more than can be read"
            problem, lived = f"{problem}, and the kernel was stopped", False
        except zmq.Again:  # it takes no message; whoever is careful has asked it after the cell before
            if not self._care:
                raise
            if self._another(index):
                return False
            problem, lived = "kept the kernel from answering", False
        except Exception as error:
            raise SetupError(
                f"{self._plan.place(index)}: the kernel's messages could not be read: {type(error).__name__}: {error}"
            ) from error
        if not self._ran and (error := error_of(cell)):
            self.errors[index] = error
        self.seconds.setdefault(index, time.monotonic() - clock[0])
        if problem:
            self._bad_cells[index] = problem
            self._log(f"{self._plan.place(index)} {problem}")
            text = f"[This cell {problem}.]\n"
            self._notebook.cells[index].outputs.append(nbformat.v4.new_output("stream", name="stdout", text=text))
            if what and what[0].startswith("was given"):
                self._starved.add(index)
            if not lived and self._care == 1 and not self._found:  # mostly there is one such cell; care takes long
                self._care, self._looked, self._found = 0, False, True
        return lived

    def _another(self, index: int) -> bool:
        """Return whether a cell before this one may have ended the kernel, a moment later; then it is looked for, and this one not blamed."""
        if self._now.provisioner.verdict:
            return False
        if not self._care and not self._looked:
            self._care, self._looked = 1, True
            return True
        if self._care == 1 and index not in self._plan.own and self._plan.own & set(range(index)):
            self._care = 2
            return True
        return False

    def _over(self, since: tuple[float, float]) -> str:
        """Return why the time of a cell that began at `since` is over; nothing while it is not."""
        limit, (now, seconds) = self._course.cell_timeout_s, self._now.clock()
        waited, computed = now - since[0], seconds - since[1]
        if computed >= limit:
            return f"did not end within {limit} s"
        if waited >= limit and computed < IDLE * waited:
            return f"waited for {limit} s without computing"
        if waited >= PATIENCE * limit or now >= self.deadline:
            return f"was given {computed:.0f} s of processor time in {waited:.0f} s"
        return ""

    def _within_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise NotGraded(f"the submission used up its {self._course.submission_timeout_s} s before this was tried")

    # --- calls -----------------------------------------------------------------------------------

    def _transport(self, header: bytes, payload: bytes) -> tuple[bytes, bytes]:
        asked = _asked(header)
        if asked in self._waited:
            raise NotGraded(f"{asked} did not get enough processor time here; it was not called again")
        if self._strikes.get(asked, 0) >= STRIKES:
            raise TooSlow(f"{asked} hung or ended the kernel {STRIKES} times; it was not called again.")
        self._within_time()
        limit, frames = self._course.call_timeout_s, None
        for _ in range(2):  # again, where the kernel took no message: this call is not to blame
            while not self._alive:
                self._start()
            with contextlib.suppress(zmq.Again):
                frames = self._now.exchange(header, payload, PATIENCE * limit, limit)
                break
            self.close()
        if frames is not None:
            return frames
        died = not self._alive or not self._now.is_running()
        if died and not self._looked and not self._now.provisioner.verdict:
            # a cell may have left behind what ended the kernel: then this call is not to blame
            self._care, self._looked = max(self._care, 1), True
            self.close()
            return self._transport(header, payload)
        ended = self._ended(f"{asked} ended the kernel")
        self._strike(asked)
        if died:
            raise Died(f"{ended}. Does it exit, crash, or use far more than needed?")
        waited, computed = self._now.took
        if computed >= limit:
            raise TooSlow(
                f"{asked} did not return within {limit} s on a small input. Does it loop, wait, or do far more work than needed?"
            )
        self._restarts -= 1
        if self._strikes[asked] >= STRIKES:
            self._waited.add(asked)
        raise NotGraded(
            f"{asked} did not return within {waited:.0f} s, of which it computed for {computed:.0f} s: it waits, "
            "or the machine was too busy"
        )

    def _why_missing(self, name: str) -> str:
        """Return what is known of a name that the notebook does not define, a sentence or nothing.

        Raises:
            NotGraded: its cell was not given enough time.
        """
        defines = re.compile(
            rf"^[ \t]*(?:(?:async +)?(?:def|class) +{re.escape(name)}\b|{re.escape(name)}\b[^=\n]*=)", re.MULTILINE
        )
        for index in sorted({*self._bad_cells, *self.errors}, reverse=True):
            if not defines.search(self._notebook.cells[index].source):
                continue
            place = self._plan.place(index)
            if index in self._starved:
                raise NotGraded(f"{name} is not defined, as {place} {self._bad_cells[index]}")
            if index in self._bad_cells:
                return f"{name} is not defined: {place} {self._bad_cells[index]}."
            return f"{name} is not defined: {place} stopped with {self.errors[index]}."
        return ""

    def _ended(self, what: str) -> str:
        """Return what is told of a kernel that ended, with the limit it passed, if one."""
        limit = self._now.provisioner.verdict
        return f"{what}: {limit}" if limit else what

    def _strike(self, asked: str) -> None:
        self._strikes[asked] = self._strikes.get(asked, 0) + 1
        self._log(f"a call of {asked} was stopped; the kernel is started again")
        self.close()


def _asked(header: bytes) -> str:
    """Return the name of what a request is about, as `remote` says it."""
    return str(json.loads(header)["v"]["asked"]["v"])
