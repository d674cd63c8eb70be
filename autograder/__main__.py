"""The command line: python -m autograder {doctor, assignments, reference, grades}."""

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
    reference = commands.add_parser("reference", help="make solutions/: modules, executed notebooks, reference.yaml, reference.md")
    reference.add_argument("--only", choices=("modules", "notebooks", "runs", "tables"), help="make only this part")
    grades = commands.add_parser("grades", help="print students, scores and one line why")
    grades.add_argument("assignment")
    options = parser.parse_args(arguments)
    try:
        course = load(Path.cwd() if Path("course_config.py").is_file() else None)
        for name in ("dataset", "data", "budget", "device"):  # the lab reads its choices from the environment alone
            os.environ[f"COURSE_{name.upper()}"] = str(getattr(course, name))
        return COMMANDS[options.command](course, options)
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
    from autograder import publish, reference, tables

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


def _grades(course, options) -> int:
    from autograder.grades import table

    print(table(course.root / "reports", options.assignment))
    return 0


COMMANDS = {"doctor": _doctor, "assignments": _assignments, "reference": _reference, "grades": _grades}


if __name__ == "__main__":
    sys.exit(main())
