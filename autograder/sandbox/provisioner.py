"""Starts a kernel under limits and looks after them: what the levels of isolation have in common."""

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import psutil
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Bool, Dict, Instance

from autograder.sandbox.limits import ControlGroup, Limits, Watchdog, seen, set_resource_limits

LISTEN_S = 60  # until a kernel listens


def _socket(path: Path) -> int | None:
    """Return a descriptor of the socket at a path, or None where none is there."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


class Provisioner(LocalProvisioner):
    """Starts a kernel under its limits, and finds its sockets before any of the submission's code runs.

    The kernel's sockets are opened once, by their inodes, when nothing but the kernel itself could have made them: what stands at their
    names later does not matter. The kernel's raw output is thrown away.
    """

    room = Instance(Path, help="private folder of the grader; its `given` holds what the working folder starts with")
    limits = Instance(Limits)
    data = Dict(help="files of the data set: path below the data folder -> file")
    gpu = Bool()

    # what the kernel knows as its working folder, the folder of its sockets, and the file that names them
    workplace: Path
    sockets: Path
    connection: Path
    # set when the process is started
    process: subprocess.Popen
    pid: int
    pgid: int

    _group = _watchdog = None
    _pinned: tuple[int, ...] = ()
    _stopped = ""

    # --- what the levels do differently ----------------------------------------------------------

    def wrap(
        self, command: list[str], environment: dict[str, str]
    ) -> tuple[list[str], dict[str, str], tuple[int, ...]]:
        """Return the command that starts the kernel at this level, its environment, and the descriptors it inherits."""
        raise NotImplementedError

    def seen(self, path: Path) -> Path:
        """Return where the grader finds a file that the kernel knows as `path`."""
        return path

    def watched(self) -> Limits:
        """Return the limits that the watchdog looks at."""
        return self.limits

    async def started(self) -> None:
        """Do what is to be done between the start of the process and the first look for its sockets."""

    # --- what they share -------------------------------------------------------------------------

    async def launch_kernel(self, cmd, **kwargs):
        group = self._group = ControlGroup.create(self.limits)
        listening = {**self.connection_info, "ip": str(self.sockets / "k")}
        (self.room / "connection.json").write_text(
            json.dumps(listening | {"key": listening["key"].decode()}), encoding="utf-8"
        )
        cmd = [str(self.connection) if part == str(self.room / "kernel.json") else part for part in cmd]
        command, environment, inherited = self.wrap(cmd, kwargs["env"])
        limits = self.limits

        def prepare():
            set_resource_limits(limits)
            if group is not None:
                group.enter()

        kwargs |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "independent": True}
        kwargs |= {"env": environment, "pass_fds": inherited, "preexec_fn": prepare}
        try:
            info = await super().launch_kernel(command, **kwargs)
        finally:
            for descriptor in inherited:
                os.close(descriptor)
        await self.started()
        await self._pin()
        self._watchdog = Watchdog(self.process.pid, self.watched(), group, self._usage, self._end)
        self._watchdog.start()
        return info

    async def _pin(self) -> None:
        """Give the asking end names of its own for the kernel's sockets and its working folder."""
        deadline = time.monotonic() + LISTEN_S
        ports = [value for name, value in self.connection_info.items() if name.endswith("_port")]
        for port in ports:
            while (descriptor := _socket(self.seen(self.sockets / f"k-{port}"))) is None:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the kernel ended, or did not listen in time")
                await asyncio.sleep(0.01)
            self._pinned += (descriptor,)
            os.symlink(f"/proc/self/fd/{descriptor}", self.room / f"k-{port}")
        self.work = os.open(self.seen(self.workplace), os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
        self._pinned += (self.work,)

    @property
    def verdict(self) -> str:
        """Which limit the kernel passed, in words; empty where none."""
        return self._stopped or (self._watchdog.verdict if self._watchdog is not None else "")

    def stop(self, why: str) -> None:
        """End the kernel for a limit that is counted elsewhere."""
        self._stopped = why
        self._end()

    def threads(self) -> int:
        """Return how many threads the kernel's processes have together."""
        count = 0
        for process in seen(self.pid, self.watched().processes):
            with contextlib.suppress(psutil.Error):  # it has ended
                count += process.num_threads()
        return count

    def seconds(self) -> float:
        """Return the processor time that the kernel's processes have taken together, with those that have ended and were waited for."""
        total = 0.0
        for process in seen(self.pid, self.watched().processes):
            with contextlib.suppress(psutil.Error):  # it has ended
                total += sum(process.cpu_times()[:4])
        return total

    def look(self) -> str:
        """Look at the limits at once; return which one the kernel passed, and was ended for, or nothing."""
        return self._stopped or (self._watchdog.look() if self._watchdog is not None else "")

    async def cleanup(self, restart=False):
        await super().cleanup(restart)
        if self._watchdog is not None:
            self._watchdog.stop()
            _ = self.verdict  # read while the control group is there
        for descriptor in self._pinned:
            os.close(descriptor)
        self._pinned = ()
        if self._group is not None:
            self._group.close()
            self._group = None

    async def send_signal(self, signum):
        if signum == signal.SIGKILL:
            self._end()
        else:
            await super().send_signal(signum)

    def resolve_path(self, path_str):
        return None  # nobody outside needs to know where inside is

    def _usage(self) -> tuple[int, int]:
        size = number = 0
        for folder, _, names in os.walk(self.workplace.parent):
            for name in names:
                with contextlib.suppress(OSError):
                    size += os.lstat(os.path.join(folder, name)).st_blocks * 512
            number += len(names)
            if number > self.limits.files:
                break
        return size, number

    def _end(self) -> None:
        """Kill the kernel and all it started."""
        raise NotImplementedError
