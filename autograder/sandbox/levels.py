"""Where a submission's kernel runs: a kernel provisioner for each level of isolation, and the limits that hold at all of them.

"bubblewrap": a machine of its own that holds nothing but Python, the data and the submission. "landlock": the same machine, but files,
network and signals are refused by the system; for where bubblewrap cannot run. "none": a plain process with limits, for people one trusts.
Nothing is ever weakened by itself: a level that does not work here is refused.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import time
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import psutil
import zmq.asyncio
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from jupyter_client.session import Session
from traitlets import Bool, Dict, Instance

from autograder.course import ROOT, ConfigError, Course
from autograder.sandbox import bubblewrap, landlock
from autograder.sandbox.limits import ControlGroup, Limits, Watchdog, descendants, seen, set_resource_limits

WARNING = "ran in a plain process without a sandbox: do not grade submissions of people you do not trust this way"
LISTEN_S = 60  # until a kernel listens
KILL_S = 5  # until everything of a kernel has ended
SHOWN_TEST_IMAGES = 50_000  # the first of the training file's images that the sandbox shows as its test images
FOLDERS = {"mnist": "MNIST", "fashion": "FashionMNIST"}


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

    room = Instance(Path, help="private folder of the grader; see `furnish`")
    limits = Instance(Limits)
    data = Dict(help="files of the data set: path below the data folder -> file")
    gpu = Bool()

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
        for process in seen(self.pid):
            with contextlib.suppress(psutil.Error):  # it has ended
                count += process.num_threads()
        return count

    def seconds(self) -> float:
        """Return the processor time that the kernel's processes have taken together, with those that have ended and were waited for."""
        total = 0.0
        for process in seen(self.pid):
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


class PlainProvisioner(Provisioner):
    """No isolation: an ordinary process with limits, and an environment and a working folder of its own."""

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

    def confined(self, command):
        write = [self.workplace.parent, self.sockets]
        read = [self.connection, *self.data.values(), self.room / "data", sys.prefix, sys.base_prefix]
        devices = landlock.Policy.devices + (tuple(bubblewrap.gpu_nodes()) if self.gpu else ())
        known = [str(path) for path in read if os.path.exists(path)]
        policy = landlock.Policy(read=[*known, *landlock.SYSTEM], write=[*map(str, write)], devices=devices)
        return landlock.command(policy, command)

    def _end(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)  # the launcher ends when everything has ended


class BubblewrapProvisioner(Provisioner):
    """A machine of its own: see `bubblewrap`."""

    workplace, sockets, connection = bubblewrap.WORK, bubblewrap.SOCKETS, bubblewrap.CONNECTION

    _inner = _info = None

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
    if level == "bubblewrap":
        if (why := bubblewrap.unusable()) is None:
            return None
        instead = "'landlock'" if landlock.supported() is None else "'none', and only for people you trust"
        return f"{why}; or set sandbox = {instead} in course_config.py"
    return landlock.supported() if level == "landlock" else None


class Forgiving(Session):
    """Reads what a kernel sends; what is no message is read as an empty one, which nobody waits for."""

    def feed_identities(self, msg_list, copy=True):
        """Return the identities and the rest of what came."""
        try:
            return super().feed_identities(msg_list, copy)
        except Exception:
            return [], []

    def deserialize(self, msg_list, content=True, copy=True):
        """Return the message, whose parts are of the right types."""
        try:
            message = super().deserialize(msg_list, content, copy)
            if all(isinstance(message[part], dict) for part in ("header", "parent_header", "metadata", "content")):
                return message
        except Exception:  # whatever it makes the library raise
            pass
        parts = {part: {} for part in ("header", "parent_header", "metadata", "content")}
        return {"msg_id": "", "msg_type": "", "buffers": [], **parts}


class Client(AsyncKernelClient):
    """Asks by messages alone: the thread of a heartbeat never ends where its kernel stops reading."""

    def start_channels(self, shell=True, iopub=True, stdin=True, hb=False, control=True):
        super().start_channels(shell=shell, iopub=iopub, stdin=stdin, hb=False, control=control)


class Manager(AsyncKernelManager):
    """Gives its clients a context of sockets that bounds what a kernel may send, and how long it may not listen."""

    client_context = Instance(zmq.asyncio.Context)

    def client(self, **kwargs):
        return super().client(**{"context": self.client_context} | kwargs)


def kernel_manager(course: Course, room: Path, context: zmq.asyncio.Context, gpu: bool) -> Manager:
    """Return a kernel manager whose kernel runs at the course's level of isolation, whatever kernelspec a notebook names.

    Args:
        course: level, limits and data.
        room: a private folder with a short path; its `given` holds what the kernel's working folder starts with.
        context: of the sockets of the manager's clients.
        gpu: whether the kernel gets the GPU.
    """
    provisioner = LEVELS[course.sandbox]
    name = f"vae-kit-{course.sandbox}"
    factory = KernelProvisionerFactory.instance()
    factory.provisioners[name] = EntryPoint(
        name, f"{provisioner.__module__}:{provisioner.__name__}", factory.GROUP_NAME
    )
    config = {"room": room, "limits": limits(course), "gpu": gpu, "data": shown_data(course, room)}
    manager = Manager(
        transport="ipc",
        ip=str(room / "k"),
        connection_file=str(room / "kernel.json"),
        client_context=context,
        client_factory=Client,
        session=Forgiving(),
    )
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python",
        language="python",
        interrupt_mode="message",
        metadata={"kernel_provisioner": {"provisioner_name": name, "config": config}},
    )
    return manager


def limits(course: Course) -> Limits:
    """Return the course's limits of one kernel."""
    return Limits(
        memory_mib=course.memory_limit_mib,
        processes=course.processes_limit,
        cpu_s=course.cpu_limit_s,
        disk_mib=course.disk_limit_mib,
        files=course.files_limit,
    )


def environment(variables: dict[str, str]) -> dict[str, str]:
    """Return the environment variables of a kernel, beside those that say where things are: nothing of the grader's own."""
    return {
        "LANG": "C.UTF-8",
        "USER": "student",  # libraries ask for a name, which no file needs to give
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "OMP_NUM_THREADS": "1",  # two kernels with two spinning threads each are seventy times slower than one thread each
        "MKL_NUM_THREADS": "1",
        **variables,
    }


def shown_data(course: Course, room: Path) -> dict[str, Path]:
    """Return the files of the course's data set that a kernel sees, by their paths below its data folder.

    The held-out images stay outside: a decoder that could read them would only need to be told which one is meant. In their
    place stand images of the validation split.
    """
    if course.dataset not in FOLDERS:
        return {}
    folder = course.data / FOLDERS[course.dataset] / "raw"
    found = {}
    for kind in ("train-images-idx3", "train-labels-idx1"):
        file = folder / f"{kind}-ubyte"
        name = file.name.replace("train", "t10k")
        head = 16 if "images" in kind else 8
        size = 28 * 28 if "images" in kind else 1
        try:
            with open(file, "rb") as train:
                magic, number = struct.unpack(">2i", train.read(8))
                rest = train.read(head - 8)
                train.seek(head + SHOWN_TEST_IMAGES * size)
                part = train.read()
        except (OSError, struct.error) as error:
            raise ConfigError(f"{file}: cannot be read ({error}); see `python -m autograder doctor`") from None
        (room / name).write_bytes(struct.pack(">2i", magic, number - SHOWN_TEST_IMAGES) + rest + part)
        for path in (file, room / name):
            found[f"{FOLDERS[course.dataset]}/raw/{path.name}"] = path.resolve()
    return found
