"""Examinations as an array job of Slurm: one task each, without any process of ours that waits for them.

A task keeps its own result on the disk that all nodes share, as everywhere; `python -m autograder grade` then finds them all, and
examines again what no task came to the end of.
"""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.course import ROOT, Course
from autograder.examine.stored import FOLDER

# beside a submission's own limits, so that the sandbox says what it took, and not Slurm, which would name nobody
SPARE_S, SPARE_MIB = 300, 1024
SCRIPT = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=1-{number}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem={memory}M
#SBATCH --time={minutes}
#SBATCH --output="{logs}/%x-%a.log"
# After the last task: python -m autograder grade {name}
cd {root} || exit 1
export PYTHONPATH={kit} OMP_NUM_THREADS=1
job={jobs}/$SLURM_ARRAY_TASK_ID
{python} -m autograder.examine.job "$job" && rm -f -- "$(readlink "$job")" "$job"
"""


def script(assignment: str, course: Course, jobs: Sequence[Path]) -> str:
    """Return the script of an array job, and number the files that its tasks read.

    Args:
        jobs: files of examinations, on a disk that all nodes see.
    """
    folder = course.root / FOLDER
    numbered = folder / f".{assignment}.jobs"
    shutil.rmtree(numbered, ignore_errors=True)
    numbered.mkdir()
    for number, path in enumerate(jobs, 1):  # names of students may hold anything, which no list of lines can
        (numbered / str(number)).symlink_to(path)
    return SCRIPT.format(
        name=assignment,
        number=len(jobs),
        memory=course.memory_limit_mib + SPARE_MIB,
        minutes=-(-(course.submission_timeout_s + SPARE_S) // 60),
        logs=str(numbered).replace("%", "%%"),
        root=shlex.quote(str(course.root)),
        kit=shlex.quote(str(ROOT)),
        jobs=shlex.quote(str(numbered)),
        python=shlex.quote(sys.executable),
    )
