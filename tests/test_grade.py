"""`python -m autograder grade` with real kernels: a class beside each other, on other machines, killed and gone on with."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from autograder.reporting.report import Report
from tests.conftest import CHOICES, ROOT, TemporaryCourse

pytestmark = pytest.mark.slow
STUDENTS = ("ada", "b o'b")
TIMES = {"seconds", "processor_seconds"}
WRONG = "def kl_standard_normal(mu, log_var):\n    return torch.zeros(len(mu), dtype=mu.dtype)"
PATIENCE_S = 240


def essence(folder: Path) -> dict:
    """Return what the stored reports say, but for how long anything took."""

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if key not in TIMES}
        return [plain(item) for item in value] if isinstance(value, list) else value

    paths = sorted((folder / "reports").glob("*/vae/vae.json"))
    return {path.parts[-3]: plain(json.loads(path.read_text(encoding="utf-8"))) for path in paths}


def grade(course: TemporaryCourse, *options: str, status: int = 0, **more: str) -> str:
    """Run the command in a course and return what it printed."""
    return course.run("autograder", "grade", "vae", *options, status=status, **more)


def results(course: TemporaryCourse) -> dict[Path, int]:
    """Return the kept results with the time of each."""
    return {path: path.stat().st_mtime_ns for path in (course.folder / "examined").glob("*/vae/vae.json")}


def until(true, what: str) -> None:
    """Wait until something is true."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.2)


def kernels(pid: int) -> int:
    """Return how many processes below one are kernels, or start one."""
    number = 0
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.Error):
            number += "ipykernel_launcher" in process.cmdline()
    return number


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """A released course to which two submissions were handed in, not graded."""
    course = TemporaryCourse(tmp_path_factory.mktemp("class") / "course")
    course.nbgrader("generate_assignment", "vae")
    notebook = course.notebook("release")
    course.hand_in(STUDENTS[0], notebook)
    next(cell for cell in notebook.cells if cell.get("id") == "kl_standard_normal").source = WRONG
    course.hand_in(STUDENTS[1], notebook)
    return course.folder


@pytest.fixture(scope="module")
def undisturbed(handed_in, tmp_path_factory):
    """The same course, graded in one go on two workers, and what was printed."""
    course = copied(handed_in, tmp_path_factory.mktemp("undisturbed"))
    return course, grade(course, "--workers", "2")


@pytest.fixture
def course(handed_in, tmp_path):
    """A copy of the course of its own, at the place of no other one."""
    return copied(handed_in, tmp_path)


def copied(folder: Path, to: Path) -> TemporaryCourse:
    """Return a copy of a course: with its secret, so that the same inputs are drawn."""
    shutil.copytree(folder, to / "course")
    course = object.__new__(TemporaryCourse)
    course.folder = to / "course"
    return course


def test_a_class_is_graded_beside_each_other(undisturbed):
    """Every submission has a line when it ends, its score in the gradebook's export, and nothing is left but results."""
    course, said = undisturbed
    reports = [Report.load(course.folder / "reports" / s / "vae" / "vae.json") for s in STUDENTS]
    assert all(report.graded for report in reports)
    assert reports[0].score == 0 < reports[1].points
    assert f"{STUDENTS[0]}: 0 / 32" in said
    assert re.search(rf"{STUDENTS[1]}: \d", said)
    for student in STUDENTS:
        assert [path.name for path in (course.folder / "examined" / student / "vae").iterdir()] == ["vae.json"]
    course.nbgrader("export")
    assert len((course.folder / "grades.csv").read_text().splitlines()) == 1 + len(STUDENTS)


def test_second_run_examines_nothing(undisturbed):
    """Nothing is new: no result is written again. Reports that were lost are stored from the results, without a kernel."""
    course, _ = undisturbed
    before, told = results(course), essence(course.folder)
    assert "Skipped, as graded before" in grade(course)
    shutil.rmtree(course.folder / "reports")
    grade(course)
    assert results(course) == before
    assert essence(course.folder) == told


def test_killed_run_is_gone_on_with(course, undisturbed):
    """SIGKILL to the main process and its workers in the middle loses no result that was finished, leaves no half one and no
    process; the next run ends as an undisturbed one does."""
    command = [sys.executable, "-m", "autograder", "grade", "vae", "--workers", "1"]
    environment = os.environ | CHOICES | {"PYTHONPATH": str(ROOT)}
    with open(course.folder / "log", "wb") as log:
        main = subprocess.Popen(command, cwd=course.folder, env=environment, stdout=log, stderr=log)
    until(lambda: results(course) or main.poll() is not None, "the first result")
    time.sleep(2)
    below = psutil.Process(main.pid).children(recursive=True)
    workers = psutil.Process(main.pid).children()
    for process in (main, *workers):
        process.send_signal(signal.SIGKILL)
    main.wait()
    until(
        lambda: not any(process.is_running() and process.status() != "zombie" for process in below), "processes to end"
    )
    first = results(course)
    assert len(first) == 1
    assert list((course.folder / "reports").glob("*/*")) == []
    grade(course, "--workers", "1")
    assert {path: at for path, at in results(course).items() if path in first} == first
    assert essence(course.folder) == essence(undisturbed[0].folder)


def test_interrupt_ends_all_workers_in_one_line(course):
    """Ctrl-C in a terminal, which reaches every process of the run: one line beside the bar, no kernel goes on, nothing half is kept."""
    main = subprocess.Popen(
        [sys.executable, "-m", "autograder", "grade", "vae", "--workers", "2"],
        cwd=course.folder,
        env=os.environ | CHOICES | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # where the tests run in the background it is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    until(lambda: main.poll() is not None or kernels(main.pid), "a kernel")
    started = psutil.Process(main.pid).children(recursive=True)
    os.killpg(main.pid, signal.SIGINT)
    said = main.communicate(timeout=60)[0]
    assert main.returncode == 130, said
    lines = [line for line in said.splitlines() if line.strip() and "?submission" not in line]
    assert [line.split(":")[0] for line in lines] == ["[AutogradeApp | ERROR] Stopped"], said
    assert [one for one in started if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    assert results(course) == {}


def test_workers_on_other_addresses_give_the_same(course, undisturbed):
    """A scheduler and two workers that were started elsewhere, as docs/grading.md says, or without a nanny; joined by their address."""
    with socket.socket() as free:
        free.bind(("127.0.0.2", 0))
        address = f"tcp://127.0.0.2:{free.getsockname()[1]}"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    def started(*arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
        return subprocess.Popen(command, cwd=course.folder, env=environment, stderr=subprocess.DEVNULL)

    with ExitStack() as stack:
        processes = [started("dask_scheduler", "--host", address, "--no-dashboard")]
        for host, more in (("127.0.0.3", ()), ("127.0.0.4", ("--no-nanny",))):
            own = ("--host", host, "--nthreads", "1", "--no-dashboard", *more)
            processes.append(started("dask_worker", address, *own))
        for process in processes:
            stack.callback(process.wait)
            stack.callback(process.terminate)
        grade(course, "--scheduler", address)
    assert essence(course.folder) == essence(undisturbed[0].folder)


# --- Slurm ---------------------------------------------------------------------------------------------

NEEDED = ("sbatch", "slurmctld", "slurmd", "munged")
SLURM = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture
def slurm(tmp_path_factory, monkeypatch):
    """A cluster of this one machine, for as long as a test runs."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or os.geteuid():
        pytest.skip(f"needs root and Debian's slurm-wlm and munge; missing: {', '.join(missing) or 'root'}")
    folder = tmp_path_factory.mktemp("slurm")
    for path in (folder, *folder.parents[:2]):  # munge refuses places that others cannot look into
        path.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    with socket.socket() as one, socket.socket() as other:
        for free in (one, other):
            free.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], other.getsockname()[1]
    (folder / "slurm.conf").write_text(
        SLURM.format(
            host=socket.gethostname().split(".")[0],
            folder=folder,
            ports=ports,
            cores=os.cpu_count(),  # a node that has less than is said here is never idle
            memory=psutil.virtual_memory().total // 2**20,
        )
    )
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    munge = {f"--{name}-file": folder / f"munge.{name}" for name in ("key", "log", "pid", "seed")}
    options = [f"{name}={path}" for name, path in munge.items()]
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    with ExitStack() as stack:
        for command in (
            ["munged", "--foreground", "--force", f"--socket={folder}/munge.sock", *options],
            ["slurmctld", "-D"],
            ["slurmd", "-D"],
        ):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        until(lambda: "idle" in subprocess.run(["sinfo", "-h"], capture_output=True, text=True).stdout, "the node")
        yield folder


def test_array_of_slurm_examines_a_class(course, undisturbed, slurm):
    """The script that is printed is one that Slurm takes; after its tasks, grading stores what they found."""
    command = [sys.executable, "-m", "autograder", "grade", "vae", "--print-array"]
    environment = os.environ | CHOICES | {"PYTHONPATH": str(ROOT), "COURSE_MEMORY_LIMIT_MIB": "8192"}
    script = subprocess.run(
        command, cwd=course.folder, env=environment, check=True, capture_output=True, text=True
    ).stdout
    assert list((course.folder / "reports").glob("*/*")) == []
    (course.folder / "array.sh").write_text(script)
    for options in (["--test-only"], ["--wait", "--export=ALL"]):
        done = subprocess.run(
            ["sbatch", *options, "array.sh"], cwd=course.folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    kept = results(course)
    assert len(kept) == len(STUDENTS)
    assert not list((course.folder / "examined").rglob("*.job"))
    grade(course)
    assert results(course) == kept
    assert essence(course.folder) == essence(undisturbed[0].folder)


def test_workers_as_jobs_of_slurm_give_the_same(course, undisturbed, slurm):
    """Workers come as jobs and are gone when the run ends; an option that Slurm does not know is one clear line, and nothing is lost."""
    said = grade(course, "--slurm=--partition=none", status=2)
    assert "--slurm=--partition=none: Slurm does not take the job" in said
    assert "Traceback" not in said
    assert list((course.folder / "reports").glob("*/*")) == []
    grade(course, "--slurm", COURSE_MEMORY_LIMIT_MIB="8192")
    assert essence(course.folder) == essence(undisturbed[0].folder)
    until(lambda: not subprocess.run(["squeue", "-h"], capture_output=True, text=True).stdout, "the jobs to end")


def test_job_script_of_slurm_is_shown(course):
    """--dry-run prints what would be submitted, with the course's limits, and needs nothing of Slurm."""
    options = "--slurm=--partition=cpu --account='a course'", "--dry-run"
    said = grade(course, *options, COURSE_MEMORY_LIMIT_MIB="2048", COURSE_SUBMISSION_TIMEOUT_S="600")
    for line in ("--mem=3G", "-t 00:15:00", "--partition=cpu", "'--account=a course'", "--cpus-per-task=1"):
        assert f"#SBATCH {line}" in said
    assert "dask_worker" in said
    assert list((course.folder / "reports").glob("*/*")) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--dry-run"], "shows the job script of --slurm"),
        (["--slurm", "--scheduler", "tcp://127.0.0.1:1"], "--scheduler or --slurm, got both"),
        (["--slurm=--account='x", "--dry-run"], "expected options of sbatch"),
    ],
    ids=["dry run of nothing", "two places", "no command line"],
)
def test_options_that_mean_nothing_are_one_line(course, options, said):
    """Exit status 2 and what to do."""
    printed = grade(course, *options, status=2)
    assert said in printed
    assert "Traceback" not in printed


def test_array_has_a_task_for_each_and_the_courses_limits(course):
    """The text of the script: nothing is graded by printing it."""
    said = grade(course, "--print-array", COURSE_MEMORY_LIMIT_MIB="2048", COURSE_SUBMISSION_TIMEOUT_S="600")
    for line in ("#SBATCH --array=1-2", "#SBATCH --mem=3072M", "#SBATCH --time=15", "#SBATCH --job-name=vae"):
        assert f"\n{line}\n" in said
    assert list((course.folder / "reports").glob("*/*")) == []
    assert len(list((course.folder / "examined" / ".vae.jobs").iterdir())) == len(STUDENTS)
