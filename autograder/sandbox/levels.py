"""Where a submission's kernel runs: a kernel provisioner for each level of isolation, and the limits that hold at all of them.

"bubblewrap": a machine of its own that holds nothing but Python, the data and the submission. "landlock": the same machine, but files,
network and signals are refused by the system; for where bubblewrap cannot run. "none": a plain process with limits, for people one trusts.
Nothing is ever weakened by itself: a level that does not work here is refused.
"""

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil

from autograder.course import ROOT, Course
from autograder.sandbox import bubblewrap, landlock
from autograder.sandbox.limits import Limits, descendants
from autograder.sandbox.provisioner import Provisioner

WARNING = "ran in a plain process without a sandbox: do not grade submissions of people you do not trust this way"
KILL_S = 5  # until everything of a kernel has ended


class PlainProvisioner(Provisioner):
    """No isolation: an ordinary process with limits, and an environment and a working folder of its own."""

    @staticmethod
    def unusable() -> str | None:
        """Return why this level cannot be used on this machine, and what to do about it; None where it can."""
        return None

    @property
    def workplace(self) -> Path:
        return self.room / "home" / "work"

    @property
    def sockets(self) -> Path:
        return self.room / "sockets"

    @property
    def connection(self) -> Path:
        return self.room / "connection.json"

    def wrap(self, command, environment):
        self.sockets.mkdir()
        shutil.copytree(self.room / "given", self.workplace)
        shown = self.room / "data"
        for path, file in self.data.items():
            (shown / path).parent.mkdir(parents=True, exist_ok=True)
            (shown / path).symlink_to(file)
        home = self.workplace.parent
        own = {"HOME": str(home), "TMPDIR": str(home), "COURSE_DATA": str(shown)}
        own["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.defpath))
        there = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(self.workplace), *command]
        return self.confined(there), environment | own, ()

    def confined(self, command: list[str]) -> list[str]:
        """Return the command under what confines it."""
        return command

    def _end(self):
        started, deadline = descendants(self.pid), time.monotonic() + KILL_S
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pgid, signal.SIGKILL)  # children whose parents have ended, too
        while (alive := [one for one in started if one.is_running()]) and time.monotonic() < deadline:
            for process in alive:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(alive, timeout=0.05)
            started = [child for one in alive for child in descendants(one.pid)]


class LandlockProvisioner(PlainProvisioner):
    """The system refuses files, network and signals: see `landlock`."""

    @staticmethod
    def unusable():
        return landlock.supported()

    def confined(self, command):
        write = [self.workplace.parent, self.sockets]
        read = [self.connection, *self.data.values(), self.room / "data", sys.prefix, sys.base_prefix]
        devices = (*landlock.Policy.devices, *(bubblewrap.gpu_nodes() if self.gpu else ()))
        known = [str(path) for path in read if os.path.exists(path)]
        policy = landlock.Policy(read=[*known, *landlock.SYSTEM], write=[*map(str, write)], devices=devices)
        return landlock.command(policy, command)

    def _end(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)  # the launcher ends when everything has ended


class BubblewrapProvisioner(Provisioner):
    """A machine of its own: see `bubblewrap`."""

    workplace, sockets, connection = bubblewrap.WORK, bubblewrap.SOCKETS, bubblewrap.CONNECTION

    @staticmethod
    def unusable():
        if (why := bubblewrap.unusable()) is None:
            return None
        instead = "'landlock'" if LandlockProvisioner.unusable() is None else "'none', and only for people you trust"
        return f"{why}; or set sandbox = {instead} in course_config.py"

    _info: int  # a descriptor that bubblewrap tells of itself through
    _inner: int  # the first process inside, by its number outside

    def wrap(self, command, environment):
        own = environment | {"COURSE_DATA": str(bubblewrap.DATA)}
        limits = {"disk_mib": self.limits.disk_mib, "gpu": self.gpu, "hidden": (ROOT,)}
        options = bubblewrap.arguments(self.room, [(f, p) for p, f in self.data.items()], own, **limits)
        arguments = os.memfd_create("arguments")  # on the command line they could be read inside
        os.write(arguments, b"".join(option.encode() + b"\0" for option in options))
        os.lseek(arguments, 0, os.SEEK_SET)
        self._info, told = os.pipe()
        calls = bubblewrap.filter_of_calls()
        program = [shutil.which("bwrap"), "--info-fd", str(told), "--seccomp", str(calls), "--args", str(arguments)]
        inner = ["/bin/sh", "-c", bubblewrap.COPY, str(bubblewrap.GIVEN), bubblewrap.python(), *command[1:]]
        return [*program, *inner], {}, (told, calls, arguments)

    async def started(self):
        with open(self._info, "rb") as told:
            said = told.read()
        if not said:
            raise RuntimeError(bubblewrap.unusable() or "bubblewrap ended at once")
        self._inner = json.loads(said)["child-pid"]

    def seen(self, path):
        return Path(f"/proc/{self._inner}/root", path.relative_to("/"))

    async def _pin(self):
        await super()._pin()
        shared = os.open(self.seen(Path("/dev/shm")), os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
        self._pinned += (shared,)
        self._writable = (self.work, shared)

    def watched(self):
        return replace(self.limits, disk_mib=2 * self.limits.disk_mib)  # each of two file systems has the limit already

    def _usage(self):
        held = [os.fstatvfs(folder) for folder in self._writable]
        size = sum((one.f_blocks - one.f_bfree) * one.f_frsize for one in held)
        return size, sum(one.f_files - one.f_ffree for one in held)

    def _end(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(
                self.pid, signal.SIGKILL
            )  # its end is that of the first process inside, and that one's of all others


LEVELS = {"bubblewrap": BubblewrapProvisioner, "landlock": LandlockProvisioner, "none": PlainProvisioner}


def unusable(level: str) -> str | None:
    """Return why a level cannot be used on this machine, and what to do about it; None where it can."""
    return LEVELS[level].unusable()


def limits(course: Course) -> Limits:
    """Return the course's limits of one kernel."""
    return Limits(
        memory_mib=course.memory_limit_mib,
        processes=course.processes_limit,
        cpu_s=course.cpu_limit_s,
        disk_mib=course.disk_limit_mib,
        files=course.files_limit,
    )
