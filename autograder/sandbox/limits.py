"""Limits of a kernel and all it starts: resource limits, control groups where they can be written, and a watchdog.

Memory and processes are counted by a control group (version 1 or 2) where the grader may make one, else by the watchdog, which looks at
every process below the kernel's own. A kernel that exceeds a limit is killed whole, and `Watchdog.verdict` says which limit it was.
"""

import contextlib
import functools
import os
import resource
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

PERIOD_S = 0.1
SLOW_PERIOD_S = 1.0  # for what takes longer to look at
CGROUPS = Path("/sys/fs/cgroup")
OPEN_FILES = 4096
SPARE_TASKS = 32
SPARE_MIB = 2048  # stacks and heaps that threads reserve and do not use


@dataclass(frozen=True)
class Limits:
    """What one kernel and all it starts may use.

    Args:
        memory_mib: memory, files in memory included.
        processes: processes and threads.
        cpu_s: processor seconds.
        disk_mib: size of the files it may hold at a time.
        files: number of these files.
    """

    memory_mib: int
    processes: int
    cpu_s: int
    disk_mib: int
    files: int

    def said(self, what: str) -> str:
        """Return what is told of a kernel that passed a limit."""
        words = {
            "memory": f"more than {self.memory_mib} MiB of memory",
            "processes": f"more than {self.processes} processes and threads",
            "cpu": f"more than {self.cpu_s} s of processor time",
            "disk": f"more than {self.disk_mib} MiB of files",
            "files": f"more than {self.files} files",
        }
        return f"it took {words[what]}"


def set_resource_limits(limits: Limits) -> None:
    """Set the limits of the calling process that every process it starts inherits; called between fork and exec."""
    # Looser than the control group and the watchdog: those can name the limit, so they should act first. Untouched memory costs nothing.
    data, cpu, disk = (limits.memory_mib + SPARE_MIB) * 2**20, limits.cpu_s + 30, limits.disk_mib * 2**20
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, disk),
        (resource.RLIMIT_DATA, data),  # not RLIMIT_AS: CUDA reserves far more address space than it uses
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (
            resource.RLIMIT_NPROC,
            limits.processes + SPARE_TASKS + _tasks_of_user() if os.getuid() else resource.RLIM_INFINITY,
        ),
    ):
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY or value == resource.RLIM_INFINITY else min(value, hard)
        if value != resource.RLIM_INFINITY:
            resource.setrlimit(kind, (value, value))


class ControlGroup:
    """A control group for one kernel; made by `create`, removed by `close`."""

    def __init__(self, folders: dict[str, Path]):
        self._folders = folders

    @classmethod
    def create(cls, limits: Limits, root: Path = CGROUPS, own: str | None = None) -> "ControlGroup | None":
        """Return a new group with the limits on memory and processes, or None where none can be made.

        Args:
            limits: of the kernel.
            root: where control groups are mounted.
            own: the text of /proc/self/cgroup, which says where this process belongs.
        """
        lines = (Path("/proc/self/cgroup").read_text() if own is None else own).splitlines()
        paths = {}
        for line in lines:
            _, controllers, path = line.split(":", 2)
            paths |= {name: path.lstrip("/") for name in controllers.split(",")}
        name = f"vae-{os.getpid()}-{secrets.token_hex(4)}"
        memory = str(limits.memory_mib * 2**20)
        if "memory" in paths and "pids" in paths:  # version 1
            parents = {kind: root / kind / paths[kind] for kind in ("memory", "pids")}
            values = {"memory": {"memory.limit_in_bytes": memory}, "pids": {"pids.max": str(limits.processes)}}
        else:
            # a group with processes of its own cannot have limited groups below it, so the new one stands beside ours
            unified = root / paths.get("", "")
            parent = unified.parent if unified != root else unified
            parents = {"memory": parent}
            values = {
                "memory": {
                    "memory.max": memory,
                    "memory.oom.group": "1",
                    "pids.max": str(limits.processes),
                    "memory.swap.max": "0",  # last: absent where the kernel has no swap accounting
                }
            }
        folders = {}
        try:
            for kind, parent in parents.items():
                _remove_abandoned(parent)
                (parent / name).mkdir()
                folders[kind] = parent / name
                for file, value in values[kind].items():
                    if file == "memory.swap.max" and not (parent / name / file).exists():
                        continue
                    with open(parent / name / file, "r+") as handle:  # an absent file is an absent controller
                        handle.write(value)
        except OSError:
            cls(folders).close()
            return None
        return cls(folders)

    def enter(self) -> None:
        """Move the calling process, and with it all it will start, into the group."""
        for folder in self._folders.values():
            with open(folder / "cgroup.procs", "w") as file:
                file.write("0")

    def exceeded(self, limits: Limits) -> str | None:
        """Return which limit was reached, "memory" or "processes", or None."""
        memory, pids = self._folders["memory"], self._folders.get("pids", self._folders["memory"])
        counts = _numbers(memory / "memory.oom_control") | _numbers(memory / "memory.events")
        if counts.get("oom_kill", 0) > 0 or counts.get("under_oom", 0) > 0:
            return "memory"
        with contextlib.suppress(OSError, ValueError):
            if int((pids / "pids.current").read_text()) >= limits.processes:
                return "processes"
        return None

    def close(self) -> None:
        """Remove the group; its processes are given a moment to end."""
        for folder in self._folders.values():
            for _ in range(40):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.05)


class Watchdog(threading.Thread):
    """Looks at a kernel and all it started until `stop`; calls `kill` once where a limit is passed.

    Args:
        pid: process below which everything is counted.
        limits: of the kernel.
        group: counts memory and processes where there is one.
        usage: returns bytes and number of the files the kernel holds.
        kill: ends everything.
    """

    def __init__(
        self,
        pid: int,
        limits: Limits,
        group: ControlGroup | None,
        usage: Callable[[], tuple[int, int]],
        kill: Callable[[], None],
    ):
        super().__init__(name="watchdog", daemon=True)
        self._pid, self._limits, self._group, self._usage, self._kill = pid, limits, group, usage, kill
        self._over, self._found, self._looked = threading.Event(), None, 0.0
        self._lock = threading.Lock()
        self._reader = ThreadPoolExecutor(1, "memory")
        self._reading: Future[int] | None = None

    def run(self) -> None:
        """Look until something is found or the watch is over."""
        while not self._over.wait(PERIOD_S) and not self.look():
            pass

    def look(self) -> str:
        """Look at once; kill, and return which limit was passed, in words, or nothing."""
        with self._lock:
            if self._found is None and not self._over.is_set() and self._look():
                self._kill()
        return self.verdict

    def stop(self) -> None:
        """End the watch."""
        self._over.set()

    @property
    def verdict(self) -> str:
        """Which limit was passed, in words; empty where none was."""
        if self._found is None and self._group is not None:  # the system may have been faster than the watch
            self._found = self._group.exceeded(self._limits)
        return self._limits.said(self._found) if self._found else ""

    def _look(self) -> str | None:
        self._found = self._group.exceeded(self._limits) if self._group is not None else self._exceeded()
        if self._found is None and time.monotonic() - self._looked > SLOW_PERIOD_S:
            self._looked = time.monotonic()
            self._found = self._exceeded(all_of_it=True)
        return self._found

    def _exceeded(self, all_of_it: bool = False) -> str | None:
        limits, held, number = self._limits, 0, 0
        with contextlib.suppress(OSError):
            held, number = self._usage()
        private = shared = tasks = seconds = 0
        processes = seen(self._pid, limits.processes)
        if self._group is None and len(processes) > limits.processes:
            return "processes"
        for process in processes:
            with contextlib.suppress(psutil.Error, OSError):
                resident, times = _resident(process.pid, "status"), process.cpu_times()
                private, shared = private + resident["RssAnon"], shared + resident["RssShmem"]
                tasks += process.num_threads()
                seconds += sum(times[:4])
        if self._group is None and tasks > limits.processes:
            return "processes"
        most = limits.memory_mib * 2**20
        # shared memory may be a mapped file that `usage` counts, too: the larger one counts
        if self._group is None and private + max(shared, held) > most and self._shared(processes, held) > most:
            return "memory"
        if held > limits.disk_mib * 2**20:
            return "disk"
        if number > limits.files:
            return "files"
        return "cpu" if all_of_it and seconds > limits.cpu_s else None

    def _shared(self, processes: list[psutil.Process], held: int) -> int:
        """Return `_shares` of the processes, or of those of an earlier look; 0 while it is not known.

        To read it takes a lock that a process holds while it forks: behind a fork bomb the reading would wait, and nothing would be counted.
        """
        if self._reading is None:
            self._reading = self._reader.submit(_shares, processes, held)
        try:
            found = self._reading.result(timeout=PERIOD_S)
        except TimeoutError:
            return 0
        self._reading = None
        return found


def descendants(pid: int) -> list[psutil.Process]:
    """Return a process and all below it; empty where it has ended."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def seen(pid: int, most: int) -> list[psutil.Process]:
    """Return a process and all below it as one look finds them, far faster than `descendants`; one that is just born may be missed.

    It ends where more than `most` are found: what starts processes faster than they are looked at would never be at an end.
    """
    found, waiting = [], [pid]
    while waiting and len(found) <= most:
        current = waiting.pop()
        with contextlib.suppress(psutil.Error, OSError, ValueError):  # it has ended
            found.append(psutil.Process(current))
            for task in os.listdir(f"/proc/{current}/task"):
                waiting += map(int, Path(f"/proc/{current}/task/{task}/children").read_text().split())
    return found if len(found) > 1 or _knows_children() else descendants(pid)


@functools.cache
def _knows_children() -> bool:
    """Return whether the system lists the children of processes."""
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


def _shares(processes: list[psutil.Process], held: int) -> int:
    """Return the memory of processes and files: slow, but what processes have in common counts once."""
    private = shared = 0
    for process in processes:
        with contextlib.suppress(OSError):  # it has ended
            try:
                share = _resident(process.pid, "smaps_rollup")
            except PermissionError:  # a process can hide this from its own user
                share = {}
            if "Pss_Anon" in share:
                private, shared = private + share["Pss_Anon"], shared + share["Pss_Shmem"]
            else:  # hidden, or Linux before 5.3: then all of it is its own
                resident = _resident(process.pid, "status")
                private, shared = private + resident["RssAnon"], shared + resident["RssShmem"]
    return private + max(shared, held)


def _resident(pid: int, file: str) -> dict[str, int]:
    """Return the lines of a file in /proc/<pid> that have a size, in bytes; 0 for those that are not there."""
    found = defaultdict(int)
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.endswith(" kB"):
            name, value, _ = line.split()
            found[name.removesuffix(":")] = int(value) * 1024
    return found


def _tasks_of_user() -> int:
    total = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            total += process.num_threads() if process.uids().real == os.getuid() else 0
    return total


def _numbers(path: Path) -> dict[str, int]:
    """Return the lines "name number" of a control group's file; empty where it cannot be read."""
    found = {}
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            name, _, value = line.partition(" ")
            if value.isdigit():
                found[name] = int(value)
    return found


def _remove_abandoned(parent: Path) -> None:
    """Remove the groups of graders that were killed and could not do it themselves."""
    for folder in parent.glob("vae-*-*"):
        pid = folder.name.split("-")[1]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            with contextlib.suppress(OSError):
                folder.rmdir()
