"""The process in which a classroom is graded, seen from outside: it may hang, end, grow, or leave things behind."""

import json
import select
import shutil
import subprocess
import sys
from pathlib import Path

from autograder.text import printable
from tests.attacks import watch

MEMORY_MIB = 1024  # that one submission may make the grader take


class Grader:
    """Starts `tests.attacks.grading` in a course's folder, again where it has ended.

    Args:
        course: the course's folder.
        temporary: folder of the grader's temporary files.
        log: file for what one grading prints.
        environment: all its variables.
    """

    def __init__(self, course: Path, temporary: Path, log: Path, environment: dict[str, str]):
        self._course, self._temporary, self._log, self._environment = course, temporary, log, environment
        self._process: subprocess.Popen | None = None

    @property
    def pid(self) -> int:
        """The number of the process, which is started where it has ended."""
        if self._process is None or self._process.poll() is not None:
            self.end()
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "tests.attacks.grading"],
                cwd=self._course,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                text=True,
            )
        return self._process.pid

    def end(self) -> None:
        """End the process, all below it, and what it has not tidied up."""
        if self._process is None:
            return
        if self._process.poll() is None:
            watch.left_running(self._process.pid)
            self._process.kill()
        self._process.communicate()
        self._process = None
        self._tidy()

    def grade(self, variables: dict[str, str], patience_s: int, *options: str) -> list[str]:
        """Grade with nbgrader's options, and return what is wrong with how that went; no report is looked at.

        Args:
            variables: of the environment, for this grading.
            patience_s: after which the grader counts as hung.
        """
        pid = self.pid
        peak = watch.memory_peak_mib(pid, reset=True)
        request = {"options": options, "variables": variables, "log": str(self._log)}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        ready = select.select([self._process.stdout], (), (), patience_s)[0]
        answer = self._process.stdout.readline() if ready else ""
        if not answer:
            status = self._process.wait() if ready else None
            self.end()
            return [f"the grader ended with status {status}" if ready else f"the grader hung for {patience_s} s"]
        commands = zip(("autograde", "generate_feedback"), json.loads(answer), strict=True)
        reasons = [f"nbgrader {name} ended with status {status}" for name, status in commands if status]
        log = self.log()
        if "Traceback (most recent call last)" in log:
            reasons.append("a traceback in the log")
        if printable(log) != log:
            reasons.append("control characters in the log")
        if left := watch.left_running(pid):
            reasons.append(f"left {len(left)} processes running: {left[0]}")
        if left := self._tidy():
            reasons.append(f"left {len(left)} temporary files: {left[0]}")
        if (grown := watch.memory_peak_mib(pid) - peak) > MEMORY_MIB:
            reasons.append(f"made the grader take {grown:.0f} MiB of memory")
        return reasons

    def log(self) -> str:
        """Return what the last grading printed."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _tidy(self) -> list[str]:
        """Remove temporary files and return their names; the grader's own socket, which goes with it, is left."""
        found = sorted(path for path in self._temporary.iterdir() if not path.name.startswith("pymp-"))
        for path in found:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        return [path.name for path in found]
