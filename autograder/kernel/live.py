"""One kernel of a submission, from its start to its end: its folder, its process, and the messages to and from it, which are bounded.

Called by `Session`, which runs the notebook in one kernel after another. Knows nothing of cells.
"""

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty
from typing import TypeVar

import nbformat
import torch
import zmq
import zmq.asyncio
from jupyter_client.blocking import BlockingKernelClient
from jupyter_core.utils import run_sync

from autograder.course import Course
from autograder.kernel import manager, sent, wire
from autograder.kernel.runner import LOOK_S, BoundedClient, aside
from autograder.sandbox.provisioner import Provisioner

T = TypeVar("T")
C = TypeVar("C", bound=zmq.Context)
START_TIMEOUT_S = 60
SETTLE_S = 5  # how long an interrupted cell may take to end
MAX_WAITING = 16  # messages that wait to be read; a kernel that sends more and larger ones loses them
IDLE = 0.02  # share of its time that who waits for something, and not for the machine, computes at most
MUTE_S = 10  # a kernel that computes nothing for so long will not answer
SEND_S = 5  # until a kernel takes a message


class SetupError(Exception):
    """No kernel could be started: the grader's fault, never the student's."""


class Kernel:
    """A kernel and all that belongs to it; `close` ends it, also where it was started by half.

    Args:
        course: limits, level of isolation and device.
        deadline: of the submission, on the monotonic clock.
    Attributes:
        alive: whether it answers calls.
        took: seconds on the clock, and of computing, of the last call.
    """

    def __init__(self, course: Course, deadline: float):
        self._course, self._deadline = course, deadline
        self.folder: Path | None = None
        self._provisioner: Provisioner | None = None
        self._client: BlockingKernelClient | None = None
        self._manager: manager.Manager | None = None
        self._context: zmq.asyncio.Context | None = None
        self.alive, self.took = False, (0.0, 0.0)

    @property
    def provisioner(self) -> Provisioner:
        """The kernel's process under limits, once it has started; stays when it has ended."""
        return _there(self._provisioner)

    def start(self, notebook: nbformat.NotebookNode, files: Mapping[str, bytes]) -> BoundedClient:
        """Start the process, and return what runs the cells of the notebook in it.

        Args:
            notebook: whose cells will be run.
            files: what the kernel gets copies of, {relative path: content}.
        Raises:
            SetupError: no kernel could be started.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="vae-"))
        given = self.folder / "given"
        given.mkdir()
        for name, content in files.items():
            path = given / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self._context = self._bounded(zmq.asyncio.Context())
        self._manager = manager.kernel_manager(self._course, self.folder, self._context, gpu=self._device() == "cuda")
        self._manager.context = self._bounded(zmq.asyncio.Context())  # of its own, for it asks the kernel to end
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
            runner.start_new_kernel(cwd="/", env=manager.environment(self._course))
            self._provisioner = self._manager.process
            runner.start_new_kernel_client()
        except Exception as error:
            raise SetupError(f"no kernel could be started: {type(error).__name__}: {error}") from error
        return runner

    def prepare(self, runner: BoundedClient) -> None:
        """Ready the kernel for the notebook's first cell."""
        prepared = time.monotonic() + START_TIMEOUT_S
        runner.over = lambda: time.monotonic() > prepared
        aside(runner, sent.prepare())

    def leave(self, runner: BoundedClient) -> None:
        """Close what ran the cells."""
        with contextlib.suppress(Exception):
            _there(runner.kc).stop_channels()
        _there(self._context).destroy(linger=0)

    def close(self) -> float:
        """End the kernel and remove all it wrote; return the processor seconds that it took, if it has not been closed before."""
        computed = 0.0
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.stop_channels()
            self._client.context.destroy(linger=0)
            self._client = None
        if self._manager is not None:
            with contextlib.suppress(Exception):  # there may be no process
                computed = self.provisioner.seconds()
            with contextlib.suppress(Exception):
                run_sync(self._manager.shutdown_kernel)(now=True)
            self._manager.context.destroy(linger=0)
            self._manager = None
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = None
        if self.folder is not None:
            remove(self.folder)
            self.folder = None
        self.alive = False
        return computed

    def clock(self) -> tuple[float, float]:
        """Return the time on the clock, and the processor time of the kernel."""
        return time.monotonic(), self.provisioner.seconds()

    def is_running(self) -> bool:
        """Return whether the kernel's process lives."""
        return run_sync(_there(self._manager).is_alive)()

    def connect(self) -> bool:
        """Let the agent answer in the kernel; return whether it does."""
        context = self._bounded(zmq.Context())
        self._client = BlockingKernelClient(context=context, parent=self._manager, session=manager.Forgiving())
        self._client.load_connection_info(_there(self._manager).get_connection_info())
        self._client.start_channels(stdin=False, control=False, hb=False)
        self._comm = secrets.token_hex(8)
        source = sent.serve(self._comm, self._device(), self._course.message_limit_mib * 2**20)
        # Answered once torch is loaded, so that no call waits for it. Asked again, because an answer is lost where the socket that
        # it comes through is not connected yet; not by jupyter_client's wait_for_ready, which never ends where messages do not.
        question, patience = wire.encode({"op": "global_rng"}, 0), 1.0
        try:
            self._client.execute(source, silent=True, store_history=False, allow_stdin=False)
            self._send("comm_open", {"comm_id": self._comm, "target_name": self._comm, "data": {}})
            hopeless = self._hopeless()
            while self.exchange(*question, patience) is None:
                if hopeless():
                    return False
                patience = min(2 * patience, 8)
        except zmq.Again:
            return False
        self.alive = True
        return True

    def answers(self) -> bool:
        """Return whether the kernel answers somebody who asks for the first time."""
        context, hopeless = self._bounded(zmq.Context()), self._hopeless()
        client = BlockingKernelClient(context=context, parent=self._manager, session=manager.Forgiving())
        try:
            client.load_connection_info(_there(self._manager).get_connection_info())
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

    def exchange(
        self, header: bytes, payload: bytes, timeout_s: float, cpu_s: float = float("inf")
    ) -> tuple[bytes, bytes] | None:
        """Send a request and return its reply, or None where the kernel ended, or computed or waited for too long.

        Raises:
            zmq.Again: the kernel takes no message.
        """
        key = secrets.token_hex(16)
        began = time.monotonic()
        self._send("comm_msg", {"comm_id": self._comm, "data": {"key": key}}, (header, payload))
        deadline, seconds = min(began + timeout_s, max(self._deadline, began + 1)), None
        self.took = 0.0, 0.0
        while time.monotonic() < deadline:
            try:
                message = _there(self._client).get_iopub_msg(timeout=0.5)
            except Empty:
                message = None
            except Exception:  # a forged or broken message
                message = {}
            waited = time.monotonic() - began
            if message is None or waited > cpu_s:
                # counted from the first moment without an answer: most calls have theirs at once
                seconds = self.provisioner.seconds() if seconds is None else seconds
                self.took = waited, self.provisioner.seconds() - seconds
                if self.took[1] >= cpu_s or (waited > 2 * cpu_s and self.took[1] < IDLE * waited):
                    return None
            if message is None:
                if not self.is_running():
                    return None
                continue
            frames = _frames(message, self._comm, key)
            if frames is not None:
                return frames
        return None

    def _hopeless(self) -> Callable[[], bool]:
        """Return a function that says whether the kernel, asked now, will not answer any more."""
        deadline, mark = time.monotonic() + START_TIMEOUT_S, self.clock()

        def hopeless() -> bool:
            nonlocal mark
            now, seconds = self.clock()
            if seconds - mark[1] > IDLE * (now - mark[0]):
                mark = now, seconds
            return now - mark[0] > MUTE_S or now > deadline or not self.is_running()

        return hopeless

    def _bounded(self, context: C) -> C:
        """Set how large a message may be, how many may wait, and for how long, before the kernel is cut off."""
        context.setsockopt(zmq.MAXMSGSIZE, (self._course.message_limit_mib + 8) * 2**20)
        context.setsockopt(zmq.RCVHWM, MAX_WAITING)
        context.setsockopt(zmq.SNDTIMEO, SEND_S * 1000)
        context.setsockopt(zmq.LINGER, 0)
        return context

    def _device(self) -> str:
        if self._course.device != "auto":
            return self._course.device
        return "cuda" if torch.cuda.is_available() else "cpu"

    def _send(self, kind: str, content: dict, buffers: tuple[bytes, ...] = ()) -> None:
        client = _there(self._client)
        message = client.session.msg(kind, content)
        message["buffers"] = list(buffers)
        client.shell_channel.send(message)


def _there(value: T | None) -> T:
    """Return what is there once the kernel has started."""
    if value is None:
        raise SetupError("no kernel was started")
    return value


def remove(place: Path) -> None:
    """Remove a folder with what kernels left in it."""
    for path, folders, _ in os.walk(place):  # rmtree alone leaves what its owner may not enter
        for folder in folders:
            if not os.path.islink(inner := os.path.join(path, folder)):
                with contextlib.suppress(OSError):
                    os.chmod(inner, stat.S_IRWXU)
    shutil.rmtree(place, ignore_errors=True)


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
