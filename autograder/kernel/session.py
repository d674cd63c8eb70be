"""One submission's kernel: runs its notebook, then answers calls through `agent`; hanging and dying calls cost a restart.

A restart runs the same cells again, but for those that hung or ended the kernel. Time is counted as the processor time of the kernel;
what takes far longer on the clock, on a busy machine, is left not graded. Everything that comes out of the kernel is bounded while it
is collected. Called by `examine` and `likelihood`; knows nothing of tests or scores.
"""

import asyncio
import contextlib
import copy
import inspect
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty

import nbformat
import zmq
import zmq.asyncio
from jupyter_client.blocking import BlockingKernelClient
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, CellTimeoutError, DeadKernelError
from traitlets import Callable as CallableTrait
from traitlets import Int

from autograder.course import Course
from autograder.kernel import agent, manager, wire
from autograder.kernel.remote import STUB, Died, NotGraded, Student, StudentError, TooSlow

START_TIMEOUT_S = 60
SETTLE_S = 5  # how long an interrupted cell may take to end
MAX_RESTARTS = 12
MAX_WAITING = 16  # messages that wait to be read; a kernel that sends more and larger ones loses them
FLOOD = 64  # times the limit on a cell's output, beyond which the kernel is ended
STRIKES = 2  # so many calls of one function may hang or kill; further ones are answered at once
LOOK_S = 0.5  # between looks at the time that a cell has taken
PATIENCE = 6  # so many times its processor time a cell or call may take on the clock
IDLE = 0.02  # share of its time that who waits for something, and not for the machine, computes at most
MUTE_S = 10  # a kernel that computes nothing for so long will not answer
SEND_S = 5  # until a kernel takes a message
LINGERING_S = 0.3  # in which a kernel ends that was asked to by a cell
TRACEBACK_LINE = re.compile(r"Cell In\[\d+\], line (\d+)")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class SetupError(Exception):
    """No kernel could be started: the grader's fault, never the student's."""


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


class BoundedClient(NotebookClient):
    """Collects at most `output_limit` bytes of a cell's output, and asks `over` every moment whether a cell's time is over."""

    output_limit = Int(2**18)
    over = CallableTrait(lambda: False)

    async def _async_handle_timeout(self, timeout, cell=None):
        if self.over():
            return await super()._async_handle_timeout(timeout, cell)
        await asyncio.sleep(LOOK_S)  # what nbclient waits for may be over already
        return None

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] in ("stream", "display_data", "execute_result", "error", "update_display_data"):
            room = self.output_limit - (self._spent if self._cell is cell else 0)
            self._cell = cell
            self._spent = self.output_limit - room + len(json.dumps(msg["content"], default=str))
            if self._spent > FLOOD * self.output_limit:
                self.km.provisioner.stop(f"it put out more than {FLOOD * self.output_limit // 1024} KiB")
            if self._spent > self.output_limit:
                if room > 0:  # the first message that is too much
                    start = str(msg["content"].get("text", ""))[:room] if msg["msg_type"] == "stream" else ""
                    note = f"{start}\n[output cut: more than {self.output_limit // 1024} KiB]\n"
                    cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=note))
                return None
        elif msg["msg_type"].startswith("comm_"):
            return None  # widgets of a submission have no meaning here
        try:
            return super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            raise
        except Exception:  # a message that no kernel sends by itself
            return None

    _cell, _spent = None, 0


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
        self._strikes: dict[str, int] = {}
        self._took = (0.0, 0.0)  # on the clock, and computing, by the last call
        self._waited: set[str] = set()  # functions whose calls the machine did not give enough time
        self._restarts = -1
        self._folder = self._client = self._manager = self._provisioner = self._context = None
        self._alive = self._ran = False
        self.student = Student(self._transport, course.message_limit_mib * 2**20, self._why_missing)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def run(self) -> dict[int, str]:
        """Start the kernel and run the notebook; return what stopped which cell, by index."""
        try:
            while not self._start():
                pass
        except (StudentError, NotGraded) as error:  # each call will try again, and say so
            self._log(str(error))
            self.close()
        return dict(self._bad_cells)

    def workplace(self) -> Path | None:
        """Return a path of the kernel's working folder that stays what it is whatever stands at its name; None without a kernel."""
        return Path(f"/proc/self/fd/{self._provisioner.work}") if self._alive else None

    def restart(self) -> None:
        """End the kernel, so that the next call meets a new one that remembers nothing."""
        self._restarts -= 1  # asked for, so not counted
        self.close()

    def close(self) -> None:
        """End the kernel and remove all it wrote."""
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.stop_channels()
            self._client.context.destroy(linger=0)
            self._client = None
        if self._manager is not None:
            with contextlib.suppress(Exception):  # there may be no process
                self.computed += self._manager.provisioner.seconds()
            with contextlib.suppress(Exception):
                run_sync(self._manager.shutdown_kernel)(now=True)
            self._manager.context.destroy(linger=0)
            self._manager = None
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = None
        if self._folder is not None:
            for path, folders, _ in os.walk(self._folder):  # rmtree alone leaves what its owner may not enter
                for folder in folders:
                    if not os.path.islink(inner := os.path.join(path, folder)):
                        with contextlib.suppress(OSError):
                            os.chmod(inner, stat.S_IRWXU)
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self._alive = False

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
        self._folder = Path(tempfile.mkdtemp(prefix="vae-"))
        given = self._folder / "given"
        given.mkdir()
        for name, content in self.files.items():
            path = given / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self._context = self._bounded(zmq.asyncio.Context())
        self._manager = manager.kernel_manager(self._course, self._folder, self._context, gpu=self._device() == "cuda")
        self._manager.context = self._bounded(zmq.asyncio.Context())  # of its own, for it asks the kernel to end
        notebook = copy.deepcopy(self._notebook) if self._ran else self._notebook
        runner = BoundedClient(
            notebook,
            km=self._manager,
            allow_errors=True,
            skip_cells_with_tag="",
            record_timing=False,
            store_widget_state=False,
            raise_on_iopub_timeout=True,
            iopub_timeout=SETTLE_S,
            interrupt_on_timeout=True,
            error_on_timeout={"ename": "CellTimeoutError", "evalue": "", "traceback": []},
            startup_timeout=START_TIMEOUT_S,
            output_limit=self._course.output_limit_kib * 1024,
            timeout_func=lambda cell: LOOK_S,
        )
        try:
            runner.start_new_kernel(cwd="/", env=manager.environment(self._variables()))
            self._provisioner = self._manager.provisioner
            runner.start_new_kernel_client()
        except Exception as error:
            raise SetupError(f"no kernel could be started: {type(error).__name__}: {error}") from error
        try:
            prepared = time.monotonic() + START_TIMEOUT_S
            runner.over = lambda: time.monotonic() > prepared
            _aside(runner, f"{_module('agent', agent)} agent.prepare(get_ipython())\n_()\ndel _\n")
            for index, cell in enumerate(notebook.cells):
                self._run_given(runner, index)
                if cell.cell_type == "code" and not self._left_out(index):
                    self._within_time()
                    if index in self._plan.tests:
                        _tell(runner, _reached(self._plan.tests[index]))
                    if not self._run_cell(runner, cell, index):
                        return False
            self._run_given(runner, len(notebook.cells))
        except zmq.Again:  # it takes no message; a cell before this one saw to that
            self._care += 1
            return False
        finally:
            with contextlib.suppress(Exception):
                runner.kc.stop_channels()
            self._context.destroy(linger=0)
        self._ran = True
        if not self._connect():
            self._care += 1
            return False
        if self._care == 1:  # nothing is wrong with the cells, or no more
            self._care, self._looked = 0, True
        return True

    def _run_given(self, runner: BoundedClient, index: int) -> None:
        """Run what was given in the place of this index; the next cell meets what became of the kernel."""
        for source in self._plan.given.get(index, ()):
            clock = self._clock()
            runner.over = lambda clock=clock: bool(self._over(clock))
            with contextlib.suppress(DeadKernelError, CellTimeoutError):
                _aside(runner, source)

    def _left_out(self, index: int) -> bool:
        plan = self._plan
        return index in self._bad_cells or (self._ran and index in plan.once) or (self._care > 1 and index in plan.own)

    def _run_cell(self, runner: BoundedClient, cell, index: int) -> bool:
        """Run a cell; return whether the kernel lived through it."""
        threads, clock = self._provisioner.threads(), self._clock()
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
                lived = self._provisioner.threads() <= threads
            if self._provisioner.look():  # what it left behind must not be blamed on the next cell
                problem, lived = self._ended("ended the kernel"), False
            elif lived and self._care:
                time.sleep(LINGERING_S)
                if not self._answers():
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
        except zmq.Again:
            raise
        except Exception as error:
            raise SetupError(
                f"{self._plan.place(index)}: the kernel's messages could not be read: {type(error).__name__}: {error}"
            ) from error
        if not self._ran and (error := _error(cell)):
            self.errors[index] = error
        self.seconds.setdefault(index, time.monotonic() - clock[0])
        if problem:
            self._bad_cells[index] = problem
            self._log(f"{self._plan.place(index)} {problem}")
            text = f"[This cell {problem}.]\n"
            self._notebook.cells[index].outputs.append(nbformat.v4.new_output("stream", name="stdout", text=text))
            if what and what[0].startswith("was given"):
                self._starved.add(index)
        return lived

    def _another(self, index: int) -> bool:
        """Return whether a cell before this one may have ended the kernel, a moment later; then it is looked for, and this one not blamed."""
        if self._provisioner.verdict:
            return False
        if not self._care and not self._looked:
            self._care, self._looked = 1, True
            return True
        if self._care == 1 and index not in self._plan.own and self._plan.own & set(range(index)):
            self._care = 2
            return True
        return False

    def _clock(self) -> tuple[float, float]:
        """Return the time on the clock, and the processor time of the kernel."""
        return time.monotonic(), self._provisioner.seconds()

    def _over(self, since: tuple[float, float]) -> str:
        """Return why the time of a cell that began at `since` is over; nothing while it is not."""
        limit, (now, seconds) = self._course.cell_timeout_s, self._clock()
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

    def _variables(self) -> dict[str, str]:
        course = self._course
        return {
            "COURSE_DATASET": course.dataset,
            "COURSE_BUDGET": course.budget,
            "COURSE_DEVICE": course.device,
            "COURSE_TRAINING": course.training,
        }

    # --- calls -----------------------------------------------------------------------------------

    def _connect(self) -> bool:
        """Let the agent answer in the kernel; return whether it does."""
        context = self._bounded(zmq.Context())
        self._client = BlockingKernelClient(context=context, parent=self._manager, session=manager.Forgiving())
        self._client.load_connection_info(self._manager.get_connection_info())
        self._client.start_channels(stdin=False, control=False, hb=False)
        self._comm = secrets.token_hex(8)
        source = (
            f"{_module('wire', wire)} import sys; sys.modules['wire'] = wire\n{_module('agent', agent, begun=True)}"
            " del sys.modules['wire']\n"
            f" agent.serve(get_ipython(), wire, {self._comm!r}, {self._device()!r}, {self._course.message_limit_mib * 2**20})\n"
            "_()\ndel _\n"
        )
        # Answered once torch is loaded, so that no call waits for it. Asked again, because an answer is lost where the socket that
        # it comes through is not connected yet; not by jupyter_client's wait_for_ready, which never ends where messages do not.
        question, patience = wire.encode({"op": "global_rng"}, 0), 1.0
        try:
            self._client.execute(source, silent=True, store_history=False, allow_stdin=False)
            self._send("comm_open", {"comm_id": self._comm, "target_name": self._comm, "data": {}})
            hopeless = self._hopeless()
            while self._exchange(*question, patience) is None:
                if hopeless():
                    return False
                patience = min(2 * patience, 8)
        except zmq.Again:
            return False
        self._alive = True
        return True

    def _answers(self) -> bool:
        """Return whether the kernel answers somebody who asks for the first time."""
        context, hopeless = self._bounded(zmq.Context()), self._hopeless()
        client = BlockingKernelClient(context=context, parent=self._manager, session=manager.Forgiving())
        try:
            client.load_connection_info(self._manager.get_connection_info())
            client.start_channels(stdin=False, control=False, hb=False)
            while not hopeless():
                client.kernel_info()
                with contextlib.suppress(Empty):
                    client.get_shell_msg(timeout=LOOK_S)
                    client.get_iopub_msg(timeout=LOOK_S)
                    return True
        except zmq.ZMQError:
            pass
        finally:
            with contextlib.suppress(Exception):
                client.stop_channels()
            context.destroy(linger=0)
        return False

    def _hopeless(self) -> Callable[[], bool]:
        """Return a function that says whether the kernel, asked now, will not answer any more."""
        deadline, mark = time.monotonic() + START_TIMEOUT_S, self._clock()

        def hopeless() -> bool:
            nonlocal mark
            now, seconds = self._clock()
            if seconds - mark[1] > IDLE * (now - mark[0]):
                mark = now, seconds
            return now - mark[0] > MUTE_S or now > deadline or not run_sync(self._manager.is_alive)()

        return hopeless

    def _bounded(self, context: zmq.Context) -> zmq.Context:
        """Set how large a message may be, how many may wait, and for how long, before the kernel is cut off."""
        context.setsockopt(zmq.MAXMSGSIZE, (self._course.message_limit_mib + 8) * 2**20)
        context.setsockopt(zmq.RCVHWM, MAX_WAITING)
        context.setsockopt(zmq.SNDTIMEO, SEND_S * 1000)
        context.setsockopt(zmq.LINGER, 0)
        return context

    def _device(self) -> str:
        if self._course.device != "auto":
            return self._course.device
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"

    def _send(self, kind: str, content: dict, buffers: tuple[bytes, ...] = ()) -> None:
        message = self._client.session.msg(kind, content)
        message["buffers"] = list(buffers)
        self._client.shell_channel.send(message)

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
                frames = self._exchange(header, payload, PATIENCE * limit, limit)
                break
            self.close()
        if frames is not None:
            return frames
        died = not self._alive or not run_sync(self._manager.is_alive)()
        if died and not self._looked and not self._provisioner.verdict:
            # a cell may have left behind what ended the kernel: then this call is not to blame
            self._care, self._looked = max(self._care, 1), True
            self.close()
            return self._transport(header, payload)
        ended = self._ended(f"{asked} ended the kernel")
        self._strike(asked)
        if died:
            raise Died(f"{ended}. Does it exit, crash, or use far more than needed?")
        waited, computed = self._took
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

    def _exchange(
        self, header: bytes, payload: bytes, timeout_s: float, cpu_s: float = float("inf")
    ) -> tuple[bytes, bytes] | None:
        """Send a request and return its reply, or None where the kernel ended, or computed or waited for too long.

        Raises:
            zmq.Again: the kernel takes no message.
        """
        key = secrets.token_hex(16)
        began = time.monotonic()
        self._send("comm_msg", {"comm_id": self._comm, "data": {"key": key}}, (header, payload))
        deadline, seconds = min(began + timeout_s, max(self.deadline, began + 1)), None
        self._took = 0.0, 0.0
        while time.monotonic() < deadline:
            try:
                message = self._client.get_iopub_msg(timeout=0.5)
            except Empty:
                message = None
            except Exception:  # a forged or broken message
                message = {}
            waited = time.monotonic() - began
            if message is None or waited > cpu_s:
                # counted from the first moment without an answer: most calls have theirs at once
                seconds = self._provisioner.seconds() if seconds is None else seconds
                self._took = waited, self._provisioner.seconds() - seconds
                if self._took[1] >= cpu_s or (waited > 2 * cpu_s and self._took[1] < IDLE * waited):
                    return None
            if message is None:
                if not run_sync(self._manager.is_alive)():
                    return None
                continue
            frames = _frames(message, self._comm, key)
            if frames is not None:
                return frames
        return None

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
        limit = self._provisioner.verdict
        return f"{what}: {limit}" if limit else what

    def _strike(self, asked: str) -> None:
        self._strikes[asked] = self._strikes.get(asked, 0) + 1
        self._log(f"a call of {asked} was stopped; the kernel is started again")
        self.close()


def _aside(runner: BoundedClient, source: str) -> None:
    """Run code that is no cell of the notebook, and wait for its end."""
    cells = runner.nb.cells
    runner.nb.cells = [nbformat.v4.new_code_cell(source)]  # where nbclient puts the cell that it ran
    try:
        runner.execute_cell(runner.nb.cells[0], 0, store_history=False)
    finally:
        runner.nb.cells = cells


def _tell(runner: BoundedClient, source: str) -> None:
    """Let the kernel run code of ours before what it is told next; nobody waits for it."""
    runner.kc.execute(source, silent=True, store_history=False, allow_stdin=False, stop_on_error=False)


def _module(name: str, module, begun: bool = False) -> str:
    """Return the lines of a function that make the kernel have a module of ours, without a name in the notebook's namespace."""
    begin = "" if begun else "def _():\n"
    return (
        f"{begin} import types\n {name} = types.ModuleType({name!r})\n {name}.__dict__['__name__'] = {name!r}\n"
        f" exec({inspect.getsource(module)!r}, {name}.__dict__)\n"
    )


def _reached(exercise: str) -> str:
    """Return code that keeps what names mean when a test cell is reached; where that fails, their last meaning counts."""
    return (
        "try:\n"
        f"    getattr(__import__('IPython').get_ipython(), {agent.STATES!r})['']({exercise!r})\n"
        "except BaseException: pass\n"
    )


def _error(cell) -> str:
    """Return the first error among a cell's outputs, with its line, in words; nothing where there is none, or for an unsolved cell."""
    for output in cell.outputs:
        if output.output_type != "error":
            continue
        text = " ".join(f"{output.get('ename', '')}: {output.get('evalue', '')}".split())[:300]
        if STUB.split(": ")[1] in text or output.get("ename") in ("CellTimeoutError", "KeyboardInterrupt"):
            return ""  # what follows in the cell, follows from it
        lines = cell.source.splitlines()
        found = TRACEBACK_LINE.search(COLOURS.sub("", "\n".join(map(str, output.get("traceback", [])))))
        number = int(found[1]) if found and len(found[1]) < 6 else 0
        where = f", in its line {number}: {lines[number - 1].strip()[:100]}" if 0 < number <= len(lines) else ""
        return f"{text}{where}"
    return ""


def _asked(header: bytes) -> str:
    """Return the name of what a request is about, as `remote` says it."""
    return str(json.loads(header)["v"]["asked"]["v"])


def _frames(message: dict, comm: str, key: str) -> tuple[bytes, bytes] | None:
    """Return header and payload where a message is the reply to the call with this key."""
    try:
        content = message["content"]
        if message["msg_type"] != "comm_msg" or content["comm_id"] != comm or content["data"]["key"] != key:
            return None
        header, payload = message["buffers"]
        return bytes(header), bytes(payload)
    except (KeyError, TypeError, ValueError):
        return None
