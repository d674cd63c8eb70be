"""Dask workers as jobs of Slurm, by dask-jobqueue: they come and go with the examinations, and end with the run."""

import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from autograder.course import ROOT, ConfigError, Course
from autograder.examine.array import SPARE_MIB, SPARE_S
from autograder.examine.stored import FOLDER

if TYPE_CHECKING:
    from dask_jobqueue import SLURMCluster

LONGEST_S = 86_400  # of one job; examinations that it did not come to are done by the next
NEEDS = "--slurm: dask-jobqueue is not installed: pip install dask-jobqueue"


def workers(course: Course, options: str, number: int) -> "SLURMCluster":
    """Return a cluster of at most `number` jobs of one worker each, none of them submitted yet.

    Args:
        course: its folder is on a disk that all nodes see.
        options: further options of sbatch, as on a command line.
    Raises:
        ConfigError: dask-jobqueue is missing, or the options cannot be read.
    """
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise ConfigError(NEEDS) from None
    try:
        given = shlex.split(options)
    except ValueError as error:
        raise ConfigError(f"--slurm={options}: expected options of sbatch, got something else ({error})") from None
    seconds = min(LONGEST_S, number * (course.submission_timeout_s + SPARE_S))
    return SLURMCluster(
        job_name=f"{course.course_id}-grade",
        cores=1,
        processes=1,
        memory=f"{course.memory_limit_mib + SPARE_MIB}MiB",
        walltime=f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:00",
        job_extra_directives=[shlex.quote(one) for one in given],
        job_script_prologue=[
            f"cd {shlex.quote(str(course.root))} || exit 1",
            f"export PYTHONPATH={shlex.quote(str(ROOT))} OMP_NUM_THREADS=1",
        ],
        log_directory=str(course.root / FOLDER / ".slurm"),
        local_directory=tempfile.gettempdir(),
        worker_extra_args=["--no-dashboard"],
        nanny=False,  # which would end what an examination started before it could clean up
        death_timeout=60,
        scheduler_options={"dashboard_address": None, "host": _address()},
    )


def script(course: Course, options: str, number: int = 1) -> str:
    """Return the script of one job, which nothing of Slurm is needed for."""
    with workers(course, options, number) as cluster:
        return cluster.job_script()


def check(cluster: "SLURMCluster", options: str) -> None:
    """Ask Slurm whether it would take the jobs.

    Raises:
        ConfigError: it would not, or there is no Slurm here.
    """
    if shutil.which("sbatch") is None:
        raise ConfigError(
            "--slurm: there is no sbatch here. Start this on a login node of the cluster; --dry-run shows the job script"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "job.sh")
        path.write_text(cluster.job_script())
        done = subprocess.run(["sbatch", "--test-only", str(path)], capture_output=True, text=True)
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise ConfigError(f"--slurm={options}: Slurm does not take the job: {said}. --dry-run shows the job script")


def _address() -> str | None:
    """Return an address of this machine that others reach; None lets Dask choose."""
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family.name == "AF_INET" and not one.address.startswith("127."):
                return one.address
    return None
