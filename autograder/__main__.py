"""The command line: python -m autograder {doctor, assignments, reference, evaluate, grades}."""

import argparse
import os
import sys
from pathlib import Path

from autograder.course import ConfigError, load


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m autograder", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("doctor", help="say what grading needs, what is there, and what to do about what is missing")
    commands.add_parser("assignments", help="print the course's assignments, one a line")
    reference = commands.add_parser(
        "reference", help="make solutions/: modules, executed notebooks, reference.yaml, reference.md"
    )
    reference.add_argument("--only", choices=("modules", "notebooks", "runs", "tables"), help="make only this part")
    evaluate = commands.add_parser("evaluate", help="measure every checkpoint in a folder, as the reference runs are")
    evaluate.add_argument("folder", type=Path)
    evaluate.add_argument("--results", type=Path, help="file of the results (FOLDER/results.yaml)")
    grades = commands.add_parser("grades", help="print students, scores and one line why")
    grades.add_argument("assignment")
    options = parser.parse_args(arguments)
    try:
        course = load(Path.cwd() if Path("course_config.py").is_file() else None)
        for name in ("dataset", "data", "budget", "device"):  # the lab reads its choices from the environment alone
            os.environ[f"COURSE_{name.upper()}"] = str(getattr(course, name))
        status = COMMANDS[options.command](course, options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else flushing at the end complains once more
        return 0
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2


def _doctor(course, options) -> int:
    from autograder.doctor import examine_machine

    return 0 if examine_machine(course) else 1


def _assignments(course, options) -> int:
    print(*course.assignments, sep="\n")
    return 0


def _reference(course, options) -> int:
    from autograder import publish
    from autograder.trained import reference, tables

    for assignment in course.assignments:
        if options.only in (None, "modules"):
            print(f"made {publish.write_module(assignment)}")
        if options.only in (None, "notebooks"):
            print(f"made {publish.write_notebook(assignment, course)}")
    if options.only in (None, "runs"):
        reference.run(course)
    if options.only in (None, "runs", "tables"):
        print(f"made {tables.write()}")
    return 0


def _evaluate(course, options) -> int:
    import lab
    from autograder.trained.evaluate import evaluate

    if not options.folder.is_dir():
        raise ConfigError(f"evaluate {options.folder}: expected a folder of checkpoints, found none there.")
    path = options.results or options.folder / "results.yaml"
    try:
        records = evaluate(course, options.folder, path)
    except (lab.DataError, lab.ResultsError) as error:
        raise ConfigError(str(error)) from None
    if not records:
        raise ConfigError(
            f"evaluate {options.folder}: expected checkpoints, named as vae_k1_epochs30_seed0.safetensors."
        )
    print(
        f"{lab.table(records)}\nin {path}; {course.dataset}, K = {next(iter(records.values()))['num_samples']}, nats per image"
    )
    return 0


def _grades(course, options) -> int:
    from autograder.reporting.grades import table

    if options.assignment not in course.assignments:
        known = ", ".join(course.assignments)
        raise ConfigError(f"grades {options.assignment}: the course has no such assignment; it has {known}.")
    print(table(course.root / "reports", options.assignment))
    return 0


COMMANDS = {
    "doctor": _doctor,
    "assignments": _assignments,
    "reference": _reference,
    "evaluate": _evaluate,
    "grades": _grades,
}


if __name__ == "__main__":
    sys.exit(main())
