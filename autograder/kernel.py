"""One submission's kernel: runs its notebook, then answers calls through `agent`; hanging and dying calls cost a restart.

A restart runs the same cells again, but for those that hung or ended the kernel. Everything that comes out of the kernel is bounded
while it is collected. Called by `examine` and `likelihood`; knows nothing of tests or scores.
"""

import contextlib
import copy
import inspect
import json
import math
import os
import secrets
import shutil
import stat
import tempfile
import time
from pathlib import Path
from queue import Empty

import nbformat
import zmq
import zmq.asyncio
from jupyter_client.blocking import BlockingKernelClient
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, CellTimeoutError, DeadKernelError
from traitlets import Int

from autograder import agent, sandbox, wire
from autograder.course import Course
from autograder.remote import Died, Student, StudentError, TooSlow

START_TIMEOUT_S = 60
SETTLE_S = 5  # how long an interrupted cell may take to end
MAX_RESTARTS = 12
MAX_WAITING = 16  # messages that wait to be read; a kernel that sends more and larger ones loses them
FLOOD = 64  # times the limit on a cell's output, beyond which the kernel is ended
STRIKES = 2  # so many calls of one function may hang or kill; further ones are answered at once


class SetupError(Exception):
    """No kernel could be started: the grader's fault, never the student's."""


class BoundedClient(NotebookClient):
    """Collects at most `output_limit` bytes of a cell's output."""

    output_limit = Int(2**18)

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
    """

    def __init__(self, course: Course, notebook: nbformat.NotebookNode, files: dict[str, bytes], log=lambda line: None):
        self._course, self._notebook, self.files, self._log = course, notebook, files, log
        self._deadline = time.monotonic() + course.submission_timeout_s
        self._bad_cells: dict[int, str] = {}
        self._strikes: dict[str, int] = {}
        self._restarts = -1
        self._folder = self._client = self._manager = self._provisioner = self._context = None
        self._alive = self._ran = False
        self.student = Student(self._transport, course.message_limit_mib * 2**20)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def run(self) -> dict[int, str]:
        """Start the kernel and run the notebook; return what stopped which cell, by index."""
        try:
            while not self._start():
                pass
        except StudentError as error:  # each call will try again, and say so
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
            with contextlib.suppress(Exception):
                run_sync(self._manager.shutdown_kernel)(now=True)
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
        """Run the notebook in a new kernel; return whether the kernel lived through it."""
        self.close()
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
        self._manager = sandbox.kernel_manager(self._course, self._folder, self._context, gpu=self._device() == "cuda")
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
            timeout_func=self._cell_timeout,
        )
        try:
            runner.start_new_kernel(cwd="/", env=sandbox.environment(self._variables()))
            self._provisioner = self._manager.provisioner
            runner.start_new_kernel_client()
        except Exception as error:
            raise SetupError(f"no kernel could be started: {type(error).__name__}: {error}") from error
        try:
            for index, cell in enumerate(notebook.cells):
                if cell.cell_type == "code" and index not in self._bad_cells:
                    self._within_time()
                    if not self._run_cell(runner, cell, index):
                        return False
        finally:
            with contextlib.suppress(Exception):
                runner.kc.stop_channels()
            self._context.destroy(linger=0)
        self._ran = True
        self._connect()
        return True

    def _run_cell(self, runner: BoundedClient, cell, index: int) -> bool:
        started, threads = time.monotonic(), self._provisioner.threads()
        timeout = self._cell_timeout(cell)
        problem, lived = "", True
        try:
            runner.execute_cell(cell, index)
            if time.monotonic() - started >= timeout:
                problem = f"did not end within {timeout} s and was interrupted"
                # what it started would take the time of all that comes after it
                lived = self._provisioner.threads() <= threads
            if self._provisioner.look():  # what it left behind must not be blamed on the next cell
                problem, lived = self._ended("ended the kernel"), False
        except DeadKernelError:
            problem, lived = self._ended("ended the kernel"), False
        except CellTimeoutError:
            late = time.monotonic() - started >= timeout
            problem = (
                f"did not end within {timeout} s, could not be interrupted" if late else "put out more than can be read"
            )
            problem, lived = f"{problem}, and the kernel was stopped", False
        except Exception as error:
            raise SetupError(
                f"cell {index + 1}: the kernel's messages could not be read: {type(error).__name__}: {error}"
            ) from error
        if problem:
            self._bad_cells[index] = problem
            self._log(f"cell {index + 1} {problem}")
            text = f"[This cell {problem}.]\n"
            self._notebook.cells[index].outputs.append(nbformat.v4.new_output("stream", name="stdout", text=text))
        return lived

    def _within_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise TooSlow(f"The submission used up its {self._course.submission_timeout_s} s; the rest was not tried.")

    def _cell_timeout(self, cell) -> int:
        return max(1, min(self._course.cell_timeout_s, math.ceil(self._deadline - time.monotonic())))

    def _variables(self) -> dict[str, str]:
        course = self._course
        return {
            "COURSE_DATASET": course.dataset,
            "COURSE_BUDGET": course.budget,
            "COURSE_DEVICE": course.device,
            "COURSE_TRAINING": course.training,
        }

    # --- calls -----------------------------------------------------------------------------------

    def _connect(self) -> None:
        context = self._bounded(zmq.Context())
        self._client = BlockingKernelClient(context=context, parent=self._manager, session=sandbox.Forgiving())
        self._client.load_connection_info(self._manager.get_connection_info())
        self._client.start_channels(stdin=False, control=False, hb=False)
        self._comm = secrets.token_hex(8)
        source = (
            "def _():\n import types\n wire, agent = types.ModuleType('wire'), types.ModuleType('agent')\n"
            " wire.__dict__['__name__'] = 'wire'\n"
            f" import sys; sys.modules['wire'] = wire; exec({inspect.getsource(wire)!r}, wire.__dict__); del sys.modules['wire']\n"
            f" exec({inspect.getsource(agent)!r}, agent.__dict__)\n"
            f" agent.serve(get_ipython(), wire, {self._comm!r}, {self._device()!r}, {self._course.message_limit_mib * 2**20})\n"
            "_()\ndel _\n"
        )
        self._client.execute(source, silent=True, store_history=False, allow_stdin=False)
        self._send("comm_open", {"comm_id": self._comm, "target_name": self._comm, "data": {}})
        # Answered once torch is loaded, so that no call waits for it. Asked again, because an answer is lost where the socket that
        # it comes through is not connected yet; not by jupyter_client's wait_for_ready, which never ends where messages do not.
        question, patience = wire.encode({"op": "global_rng"}, 0), 1.0
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._exchange(*question, patience) is None:
            if time.monotonic() > deadline or not run_sync(self._manager.is_alive)():
                raise Died("The kernel ended, or answered no more, after the notebook's last cell.")
            patience *= 2
        self._alive = True

    def _bounded(self, context: zmq.Context) -> zmq.Context:
        """Set how large a message may be, and how many may wait, before the kernel is cut off."""
        context.setsockopt(zmq.MAXMSGSIZE, (self._course.message_limit_mib + 8) * 2**20)
        context.setsockopt(zmq.RCVHWM, MAX_WAITING)
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
        if self._strikes.get(asked, 0) >= STRIKES:
            raise TooSlow(f"{asked} hung or ended the kernel {STRIKES} times; it was not called again.")
        self._within_time()
        while not self._alive:
            self._start()
        frames = self._exchange(header, payload, self._course.call_timeout_s)
        if frames is not None:
            return frames
        died = not run_sync(self._manager.is_alive)()
        ended = self._ended(f"{asked} ended the kernel")
        self._strike(asked)
        if died:
            raise Died(f"{ended}. Does it exit, crash, or use far more than needed?")
        raise TooSlow(
            f"{asked} did not return within {self._course.call_timeout_s} s on a small input. Does it loop, wait, or do far more work than needed?"
        )

    def _exchange(self, header: bytes, payload: bytes, timeout_s: float) -> tuple[bytes, bytes] | None:
        """Send a request and return its reply, or None where the kernel ended or the time is over."""
        key = secrets.token_hex(16)
        self._send("comm_msg", {"comm_id": self._comm, "data": {"key": key}}, (header, payload))
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                message = self._client.get_iopub_msg(timeout=0.5)
            except Empty:
                if not run_sync(self._manager.is_alive)():
                    return None
                continue
            except Exception:  # a forged or broken message
                continue
            frames = _frames(message, self._comm, key)
            if frames is not None:
                return frames
        return None

    def _ended(self, what: str) -> str:
        """Return what is told of a kernel that ended, with the limit it passed, if one."""
        limit = self._provisioner.verdict
        return f"{what}: {limit}" if limit else what

    def _strike(self, asked: str) -> None:
        self._strikes[asked] = self._strikes.get(asked, 0) + 1
        self._log(f"a call of {asked} was stopped; the kernel is started again")
        self.close()


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
