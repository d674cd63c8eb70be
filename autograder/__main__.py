"""The command line: python -m autograder {doctor, assignments, reference, evaluate, grade, grades, feedback, compare, report, export}."""

import argparse
import difflib
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
    grade = commands.add_parser(
        "grade", help="grade many submissions beside each other, then store them as `nbgrader autograde` does"
    )
    grade.add_argument("assignment")
    grade.add_argument("--student", default="*", help="one student, or a pattern")
    grade.add_argument("--force", action="store_true", help="examine again what was examined before")
    grade.add_argument(
        "--workers", type=int, default=0, help="submissions at a time (as many as cores and memory allow)"
    )
    grade.add_argument(
        "--scheduler", default="", metavar="ADDRESS", help="of a running Dask cluster that sees this folder"
    )
    grade.add_argument(
        "--slurm",
        nargs="?",
        const="",
        metavar="OPTIONS",
        help='as jobs of Slurm, with these further options of sbatch: --slurm="--partition=cpu --account=course"',
    )
    grade.add_argument("--dry-run", action="store_true", help="with --slurm: print the job script, and do nothing")
    report = commands.add_parser("report", help="make a page and a table of what a class got right and wrong")
    report.add_argument("assignment")
    feedback = commands.add_parser(
        "feedback", help="make the pages of all students anew, and put them into one archive"
    )
    feedback.add_argument("assignment")
    feedback.add_argument("--zip", action="store_true", help="pack them, a file a student")
    feedback.add_argument(
        "--for", dest="platform", choices=("canvas", "moodle"), help="with --zip: files named as it takes them"
    )
    feedback.add_argument("--output", type=Path, metavar="FILE", help="with --zip (ASSIGNMENT-feedback.zip)")
    export = commands.add_parser("export", help="write the scores as a learning platform reads them")
    export.add_argument("assignment")
    export.add_argument("--to", required=True, choices=("canvas", "moodle", "csv"))
    export.add_argument("--roster", type=Path, metavar="FILE", help="the grades as the platform exports them")
    export.add_argument("--output", type=Path, metavar="FILE", help="(ASSIGNMENT-canvas.csv)")
    compare = commands.add_parser("compare", help="say whose grading changed, by how much, and in which tests")
    compare.add_argument("assignment")
    compare.add_argument(
        "folders",
        nargs="*",
        type=Path,
        metavar="FOLDER",
        help="two folders of reports (what the last grading replaced)",
    )
    grade.add_argument(
        "--print-array",
        action="store_true",
        help="write what is to be examined and print an sbatch script that examines it; then run `grade` again",
    )
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
    from autograder.trained import reference, study, tables

    for assignment in course.assignments:
        if options.only in (None, "modules"):
            print(f"made {publish.write_module(assignment)}")
        if options.only in (None, "notebooks"):
            print(f"made {publish.write_notebook(assignment, course)}")
    if options.only in (None, "runs"):
        reference.run(course)
        study.run(course)
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
    from autograder.door.dates import standing
    from autograder.reporting.grades import table

    _known(course, options)
    print(table(course.root / "reports", options.assignment))
    for line in standing(course, options.assignment).lines():
        print(line)
    return 0


def _compare(course, options) -> int:
    from autograder.reporting import compare

    _known(course, options)
    if len(options.folders) not in (0, 2):
        raise ConfigError(
            f"compare {options.assignment}: expected two folders of reports, or none; got {len(options.folders)}."
        )
    if options.folders:
        before, after = compare.of_folders(*options.folders, options.assignment)
    else:
        before, after = compare.kept(course.root / "reports", options.assignment)
    print(compare.table(before, after))
    return 0


def _export(course, options) -> int:
    from autograder.door import platforms

    _known(course, options)
    path = options.output or Path(f"{options.assignment}-{options.to}.csv")
    for line in platforms.write(course, options.assignment, options.to, options.roster, path):
        print(line, file=sys.stderr)
    print(f"made {path}")
    return 0


def _feedback(course, options) -> int:
    from autograder.door import handout

    _known(course, options)
    if (options.platform or options.output) and not options.zip:
        raise ConfigError(f"feedback {options.assignment}: --for and --output belong to --zip. Add --zip")
    status = handout.make(course, options.assignment)
    if options.zip:
        path = options.output or Path(f"{options.assignment}-feedback.zip")
        for line in handout.pack(course, options.assignment, options.platform, path):
            print(line, file=sys.stderr)
        print(f"made {path}")
    return status


def _report(course, options) -> int:
    from autograder.door import classroom

    _known(course, options)
    for path in classroom.write(course, options.assignment):
        print(f"made {path.relative_to(course.root)}")
    return 0


def _grade(course, options) -> int:
    from autograder.door.grade import grade

    _known(course, options)
    return grade(course, options)


def _known(course, options) -> None:
    """Refuse an assignment that the course has not."""
    if options.assignment not in course.assignments:
        near = difflib.get_close_matches(options.assignment, course.assignments, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        known = ", ".join(course.assignments)
        raise ConfigError(
            f"{options.command} {options.assignment}: the course has no such assignment; it has {known}.{meant}"
        )


COMMANDS = {
    "grade": _grade,
    "doctor": _doctor,
    "assignments": _assignments,
    "reference": _reference,
    "evaluate": _evaluate,
    "grades": _grades,
    "feedback": _feedback,
    "compare": _compare,
    "report": _report,
    "export": _export,
}


if __name__ == "__main__":
    sys.exit(main())
