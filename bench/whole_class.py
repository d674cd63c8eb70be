"""A class graded as nbgrader itself does it, by us one by one, and side by side; then killed and resumed: `python -m bench.whole_class`.

    python -m bench.whole_class [--submissions N] [--workers N] [--kills N] [--replays N] [--seed N] [--keep FOLDER] [WAY ...]

A third of the class is right, with a trained model; a third has one known mistake each; the others are untouched, crash, hang, or
cannot be read. WAY is one of `stock` (a plain nbgrader course made of the release: the visible tests alone, no sandbox), `serial`
(our `nbgrader autograde`), `parallel` (`python -m autograder grade`), `again` (the same without changes), `killed` (`grade`, its main
process, a worker, an examination, or a scheduler of its own killed at random moments, then run to its end), `interrupted` (Ctrl-C at
as many moments, of `grade` and of `nbgrader autograde` in turns), and `replay` (what `parallel` kept, stored for a larger class).
Studies, which we do not run, are taken out of all notebooks, so that nobody pays for them. What stands in FOLDER from an earlier run is
compared, too. Ends with 1 where a submission has no result, or where two of our ways give different reports.
"""

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import nbformat
import psutil
import torch

from autograder.catalogue import solution
from autograder.course import ROOT
from autograder.judging import known
from autograder.publish import notebook_of, studies, without_markers
from bench.sandboxed import trained

ASSIGNMENT = "vae"
CHOICES = {
    "COURSE_DATASET": "glyphs",
    "COURSE_BUDGET": "quick",
    "COURSE_DEVICE": "cpu",
    "COURSE_CELL_TIMEOUT_S": "30",
    "COURSE_SECRET": "a class that is measured",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(ROOT),
    # stock nbgrader starts alembic by its name
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
}
STOCK = """c = get_config()
c.CourseDirectory.course_id = "stock"
c.ExecutePreprocessor.timeout = {timeout}
"""
KINDS = (*["right", "wrong"] * 4, "untouched", "crashing", "hanging", "malformed")
CRASH = "import ctypes\n\nctypes.string_at(0)  # reads address zero, which ends the process"
HANG = "while True:\n    pass"
REPLAY = """
import json, sys
from autograder.examine import stored

def load(examination):
    kept = json.loads(examination.path.read_text(encoding="utf-8"))
    examination.digest  # is another one, as the student's name is in it: computed, and not compared
    return stored.Report.model_validate(kept["report"]), stored.nbformat.from_dict(kept["notebook"])

stored._load = load
from nbgrader.apps.nbgraderapp import NbGraderApp
NbGraderApp.launch_instance(sys.argv[1:])
"""
TIMES = {"seconds", "processor_seconds"}
WAYS = ("stock", "serial", "parallel", "again", "killed", "interrupted", "replay")
OURS = ("serial", "parallel", "killed", "interrupted")


def main(arguments: list[str] | None = None) -> int:
    """Grade in each way that is asked for, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.whole_class", description=str(__doc__).splitlines()[0])
    parser.add_argument("--submissions", type=int, default=60)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--replays", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the courses stay")
    parser.add_argument("ways", nargs="*", metavar="WAY", help=f"of {', '.join(WAYS)}; all where none is named")
    choice = parser.parse_args(arguments)
    if unknown := set(choice.ways) - set(WAYS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(WAYS)}")
    ways = choice.ways or WAYS
    after = {"again", "killed", "interrupted", "replay"}.intersection(ways)
    if after and "parallel" not in ways and not (choice.keep and (choice.keep / "parallel").is_dir()):
        parser.error(
            f"{', '.join(sorted(after))}: starts from what `parallel` did, which is not there. Name parallel, too"
        )
    os.environ.update(CHOICES)
    with contextlib.ExitStack() as stack:
        folder = choice.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        handed_in = once(folder / f"class of {choice.submissions}, seed {choice.seed}", choice.submissions, choice.seed)
        kinds = Counter(student.split("-")[0] for student in handed_in)
        say(f"{len(handed_in)} submissions: {', '.join(f'{number} {kind}' for kind, number in kinds.items())}")
        courses = {way: Course(folder / way) for way in WAYS}
        for way in ways:
            course, workers = courses[way], f"--workers={choice.workers}"
            if way == "again":
                course.seconds = courses["parallel"].grade(workers) - courses["parallel"].grade("--student=right-00")
                continue
            if way == "replay":
                course.replay(courses["parallel"], choice.replays)
                continue
            course.prepare(handed_in)
            moments = random.Random(choice.seed), courses["parallel"].seconds / choice.kills
            if way == "killed":
                course.killed(choice.kills, choice.workers, *moments)
            elif way == "interrupted":
                course.interrupted(choice.kills, choice.workers, *moments)
            else:
                course.seconds = course.grade(workers) if way == "parallel" else course.autograde()
            say(f"{way}: {course.seconds:.0f} s, {len(course.graded())} of {len(handed_in)} have a result")
        for line in table(courses):
            say(line)
        wrong = [
            f"{way}: no result of {student}"
            for way in OURS
            if courses[way].there
            for student in sorted(handed_in.keys() - courses[way].graded())
        ]
        for way in OURS:
            wrong += [f"{way} and parallel: {line}" for line in differences(courses["parallel"], courses[way])]
        for line in wrong:
            say(f"WRONG {line}")
        return int(bool(wrong))


def say(*words: str) -> None:
    """Print at once, also into a pipe."""
    print(*words, flush=True)


def table(courses: dict[str, "Course"]) -> list[str]:
    """Return the ratios that can be told, a line each, and the processor time of the right ones."""
    lines = []
    for way, base, goal in (("parallel", "stock", 0.6), ("parallel", "serial", 0.55), ("serial", "stock", None)):
        ours, other = courses[way].seconds, courses[base].seconds
        if ours and other:
            lines.append(f"wall time, {way} over {base}: {ours / other:.2f}" + (f" (goal {goal})" if goal else ""))
    if again := courses["again"].seconds:
        lines.append(f"a second run of all without changes: {again:.1f} s more than one of one student (goal 2)")
    for way in ("serial", "parallel"):
        right = [report for student, report in courses[way].reports().items() if student.startswith("right")]
        if right:
            seconds = statistics.median(report["processor_seconds"] for report in right)
            lines.append(f"processor time of a right submission, {way}: {seconds:.0f} s (median)")
    return lines


def once(folder: Path, number: int, seed: int) -> dict[str, dict[str, bytes]]:
    """Return the class as it lies in a folder; composed now, where it does not: its checkpoints say when they were trained."""
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        for student, files in compose(number, random.Random(seed)).items():
            for name, content in files.items():
                path = partial / student / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        partial.rename(folder)
    found: dict[str, dict[str, bytes]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        student, name = path.relative_to(folder).parts[0], "/".join(path.relative_to(folder).parts[1:])
        found.setdefault(student, {})[name] = path.read_bytes()
    return found


def compose(number: int, rng: random.Random) -> dict[str, dict[str, bytes]]:
    """Return the class: by student, the files that are handed in.

    Args:
        number: of students, spread over KINDS.
        rng: draws the mistakes.
    """
    skipped = studies(ASSIGNMENT)
    solved = nbformat.read(notebook_of(ASSIGNMENT, ROOT), as_version=4)
    solved.cells = [cell for cell in solved.cells if cell.source not in skipped]
    release = nbformat.read(ROOT / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    release.cells = [cell for cell in release.cells if cell.source not in skipped]
    variants = [
        path.read_text()
        for path in sorted((ROOT / "tests" / "right" / ASSIGNMENT).glob("*.py"))
        if f"from {ASSIGNMENT} import" not in path.read_text()
    ]
    mistakes = [one for one in known.of(ASSIGNMENT).values() if one.asked and not one.family and "." not in one.target]
    mistakes = [one for one in mistakes if "true." not in one.code()]  # a student's notebook has no such name
    mistakes = rng.sample(mistakes, min(len(mistakes), number))
    trained_by = [handed_over(code) for code in ("", *variants)]
    students = {}
    for i in range(number):
        kind, turn = KINDS[i % len(KINDS)], i // len(KINDS) * 4 + i % len(KINDS) // 2
        notebook, files = answered(solved), trained_by[0]
        if kind == "right" and turn % 2 and variants:
            which = turn // 2 % len(variants)
            only(notebook, variants[which])
            files = trained_by[1 + which]
        elif kind == "wrong":
            one = mistakes.pop()
            cell(notebook, one.exercise).source = one.code()
        elif kind == "untouched":
            notebook, files = release, {}
        elif kind == "crashing":
            cell(notebook, "sample").source = CRASH
        elif kind == "hanging":
            cell(notebook, "reconstruct").source = HANG
        text = nbformat.writes(notebook).encode()
        if kind == "malformed":
            text = text[: len(text) // 2]
        students[f"{kind}-{i:02}"] = {f"{ASSIGNMENT}.ipynb": text} | files
    return students


def handed_over(variant: str) -> dict[str, bytes]:
    """Return the checkpoint of the reference solution with the code of a variant in it."""
    torch.set_num_threads(1)
    names = solution(ASSIGNMENT)
    exec(variant, names)
    with tempfile.TemporaryDirectory() as folder:
        return trained(Path(folder), names)


def answered(solved: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the source notebook as a student hands it in who solved it."""
    notebook = nbformat.reads(nbformat.writes(solved), as_version=4)
    for one in notebook.cells:
        one.source = without_markers(one.source)
    return notebook


def only(notebook: nbformat.NotebookNode, code: str) -> None:
    """Put all of a solution into the first cell for one, and nothing into the others."""
    cells = [c for c in notebook.cells if c.cell_type == "code" and c.metadata.get("nbgrader", {}).get("solution")]
    for one in cells:
        one.source = "# written above"
    cells[0].source = code


def cell(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    """Return the cell of that id."""
    return next(c for c in notebook.cells if c.id == name)


class Course:
    """A course of the class in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder, self.stock = folder, folder.name == "stock"

    @property
    def there(self) -> bool:
        """Whether the course was made, now or by an earlier run."""
        return self.folder.is_dir()

    @property
    def seconds(self) -> float:
        """How long grading took, also in an earlier run; 0 where it is not known."""
        path = self.folder / "seconds.json"
        return json.loads(path.read_text()) if path.exists() else 0.0

    @seconds.setter
    def seconds(self, value: float) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "seconds.json").write_text(json.dumps(value))

    def prepare(self, handed_in: dict[str, dict[str, bytes]]) -> None:
        """Make the course anew, with what is handed in."""
        self._begin()
        for student, files in handed_in.items():
            for name, content in files.items():
                path = self.folder / "submitted" / student / ASSIGNMENT / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def _begin(self) -> None:
        """Make the course, without a submission."""
        shutil.rmtree(self.folder, ignore_errors=True)
        ignore = shutil.ignore_patterns(".*", "checkpoints")
        shutil.copytree(ROOT / ("release" if self.stock else "source"), self.folder / "source", ignore=ignore)
        if self.stock:
            (self.folder / "nbgrader_config.py").write_text(STOCK.format(timeout=CHOICES["COURSE_CELL_TIMEOUT_S"]))
        else:
            for name in ("course_config.py", "nbgrader_config.py"):
                shutil.copy(ROOT / name, self.folder / name)
        self._run("nbgrader", "generate_assignment", ASSIGNMENT)

    def autograde(self) -> float:
        """Grade one by one with nbgrader's own command, and return the seconds."""
        return self._run("nbgrader", "autograde", ASSIGNMENT)

    def grade(self, *options: str) -> float:
        """Grade side by side, and return the seconds."""
        return self._run("autograder", "grade", ASSIGNMENT, *options)

    def killed(self, kills: int, workers: int, rng: random.Random, apart_s: float) -> None:
        """Grade, kill one process of it at a random moment, and again; at last let it come to its end.

        Args:
            kills: how often.
            workers: processes that examine.
            rng: draws the moments and the victims.
            apart_s: seconds of a run, in which the kill comes at a random moment.
        """
        for number in range(kills):
            victim = ("main", "worker", "examination", "scheduler")[number % 4]
            with Cluster(self.folder, workers) if victim == "scheduler" else contextlib.nullcontext() as cluster:
                options = [f"--scheduler={cluster.address}"] if cluster else [f"--workers={workers}"]
                run = self._start("autograder", "grade", ASSIGNMENT, *options)
                moment = rng.uniform(0.1, 1) * apart_s
                _wait(run, moment)
                hit = self._victim(run, victim, cluster, rng) if run.poll() is None else None
                if hit:
                    hit.send_signal(signal.SIGKILL)
                say(
                    f"  killed after {moment:.0f} s: {victim if hit else 'nothing'}, "
                    f"{len(self.examined())} examinations kept, {len(self.graded())} results stood"
                )
                if victim != "main":  # else it goes on by itself; what it cannot mend is the next one's
                    _wait(run, apart_s - moment)
                run.kill()
                run.wait()
        self.seconds = self.grade(f"--workers={workers}")  # of the last run

    def interrupted(self, times: int, workers: int, rng: random.Random, apart_s: float) -> None:
        """Grade, press Ctrl-C at a random moment, and again; at last let it come to its end; arguments as in `killed`."""
        for number in range(times):
            command = ("nbgrader", "autograde") if number % 2 else ("autograder", "grade")
            run = self._start(*command, ASSIGNMENT, *([] if number % 2 else [f"--workers={workers}"]))
            _wait(run, rng.uniform(0.1, 1) * apart_s)
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all of its group
            pressed = time.monotonic()
            status = run.wait()
            left = [one.pid for one in psutil.process_iter(["cmdline"]) if str(self.folder) in " ".join(_command(one))]
            say(
                f"  Ctrl-C in {' '.join(command)}: status {status} after {time.monotonic() - pressed:.1f} s, "
                f"{len(self.examined())} examinations kept, {len(self.graded())} results stood, {len(left)} processes left"
            )
        self.seconds = self.grade(f"--workers={workers}")  # of the last run

    def replay(self, other: "Course", number: int) -> None:
        """Store what another course kept for as many students, and say what that takes.

        Args:
            other: whose submissions and results are copied, in turns.
            number: of students.
        """
        self._begin()
        kept = other.examined()
        for i in range(number):
            path = kept[i % len(kept)]
            student = f"{path.parts[-3]}-{i:04}"
            found = json.loads(path.read_text())
            found["report"]["student"] = student
            result = self.folder / "examined" / student / ASSIGNMENT / path.name
            result.parent.mkdir(parents=True)
            result.write_text(json.dumps(found))
            shutil.copytree(other.folder / "submitted" / path.parts[-3], self.folder / "submitted" / student)
        started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        with open(self.folder / "replay.log", "wb") as log:
            command = [sys.executable, "-c", REPLAY, "autograde", ASSIGNMENT]
            run = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT)
        most, quarter = 0.0, 1
        while run.poll() is None:
            _wait(run, 1)
            most = max(most, _memory(run))
            if quarter < 4 and len(self.graded()) >= quarter * number // 4:
                say(f"  {len(self.graded())} stored after {time.monotonic() - started:.0f} s, {_memory(run):.0f} MiB")
                quarter += 1
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        say(
            f"replay: {len(self.graded())} of {number} stored after {time.monotonic() - started:.0f} s, "
            f"{self.seconds:.0f} s of processor time, at most {most:.0f} MiB"
        )

    def graded(self) -> set[str]:
        """Return whose result stands, a reason for no grade included."""
        name = "autograded/*/*/*.ipynb" if self.stock else f"reports/*/{ASSIGNMENT}/{ASSIGNMENT}.json"
        return {path.relative_to(self.folder).parts[1] for path in self.folder.glob(name)}

    def examined(self) -> list[Path]:
        """Return the files of what is kept of examinations."""
        return sorted(self.folder.glob(f"examined/*/{ASSIGNMENT}/{ASSIGNMENT}.json"))

    def reports(self) -> dict[str, dict]:
        """Return the reports by student."""
        found = sorted(self.folder.glob(f"reports/*/{ASSIGNMENT}/{ASSIGNMENT}.json"))
        return {path.parts[-3]: json.loads(path.read_text()) for path in found}

    def _victim(self, run, what: str, cluster: "Cluster | None", rng: random.Random) -> psutil.Process | None:
        """Return the process to be killed, or None where there is none of its kind at this moment."""
        if what == "main":
            return psutil.Process(run.pid)
        if cluster:
            return psutil.Process(cluster.scheduler.pid)
        workers = [
            one for one in psutil.Process(run.pid).children() if any("spawn_main" in part for part in _command(one))
        ]
        examinations = [
            one
            for worker in workers
            for server in worker.children()
            if any("forkserver" in part for part in _command(server))
            for one in server.children()
        ]
        found = {"worker": workers, "examination": examinations}[what]
        return rng.choice(found) if found else None

    def _start(self, module: str, *arguments: str) -> subprocess.Popen:
        with open(self.folder / f"{arguments[0]}.log", "ab") as log:
            command = [sys.executable, "-m", module, *arguments]
            return subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _run(self, module: str, *arguments: str) -> float:
        started = time.monotonic()
        self._start(module, *arguments).wait()
        return time.monotonic() - started


class Cluster:
    """A Dask scheduler and its workers as processes of their own, as `dask scheduler` and `dask worker` start them."""

    def __init__(self, folder: Path, workers: int):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = "tcp://{}:{}".format(*free.getsockname())
        port = self.address.rsplit(":", 1)[1]
        dask = [sys.executable, "-m", "dask"]
        self._log = open(folder / "dask.log", "ab")  # noqa: SIM115 (closed when the cluster ends)
        start = {"cwd": folder, "stdout": self._log, "stderr": subprocess.STDOUT, "start_new_session": True}
        command = [*dask, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]
        self.scheduler = subprocess.Popen(command, **start)
        command = [*dask, "worker", self.address, "--nthreads", "1", "--no-dashboard", "--death-timeout", "30"]
        self._workers = [subprocess.Popen(command, **start) for _ in range(workers)]

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *error) -> None:
        for process in (*self._workers, self.scheduler):
            process.terminate()
        for process in (*self._workers, self.scheduler):
            process.wait()
        self._log.close()


def differences(one: Course, other: Course) -> list[str]:
    """Return a line for each report that is not the same in both courses but for times."""
    left, right = one.reports(), other.reports()
    return [
        f"{student}: {', '.join(name for name in left[student] if plain(left[student])[name] != plain(right[student])[name])}"
        for student in sorted(left.keys() & right.keys())
        if plain(left[student]) != plain(right[student])
    ]


def plain(report: dict) -> dict:
    """Return a report with its times set to 0."""
    return {
        name: 0
        if name in TIMES
        else [plain(each) if isinstance(each, dict) else each for each in value]
        if isinstance(value, list)
        else value
        for name, value in report.items()
    }


def _wait(process: subprocess.Popen, seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def _memory(process: subprocess.Popen) -> float:
    """Return the MiB that a process holds; 0 where it has ended."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(process.pid).memory_info().rss / 2**20
    return 0.0


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


if __name__ == "__main__":
    sys.exit(main())
