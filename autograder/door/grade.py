"""`python -m autograder grade`: nbgrader's own autograde, with examinations done beside each other first."""

from nbgrader.apps.nbgraderapp import NbGraderApp

from autograder.course import ConfigError, Course
from autograder.examine import slurm


def grade(course: Course, options) -> int:
    """Grade what is new of an assignment, and return the exit status.

    Args:
        course: the course of the working folder.
        options: `assignment`, `student`, `force`, `workers`, `scheduler`, `slurm`, `dry_run` and `print_array` of the command line.
    Raises:
        ConfigError: options that do not belong together.
    """
    if options.scheduler and options.slurm is not None:
        raise ConfigError("grade: expected --scheduler or --slurm, got both. Leave one out")
    if options.dry_run:
        if options.slurm is None:
            raise ConfigError("grade --dry-run: shows the job script of --slurm, which was not given. Add --slurm")
        print(slurm.script(course, options.slurm))
        return 0
    where = {"workers": options.workers, "scheduler": options.scheduler}
    where |= {} if options.slurm is None else {"slurm": options.slurm}
    arguments = ["autograde", options.assignment, f"--student={options.student}"]
    arguments += ["--force"] * options.force
    arguments += [f"--Autograde.where={name}={value}" for name, value in where.items()]
    arguments += ["--Autograde.array=True"] * options.print_array
    try:
        NbGraderApp.launch_instance(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
