"""Examines one submission, from its notebook to its report.

The notebook runs in a kernel that holds neither tests nor expected values; the hidden suite runs here. A grade cell starts as not
graded and gets a score only from a finished suite; whatever else happens leaves it not graded, with the reason.
"""

import time
import traceback
from collections.abc import Mapping
from contextlib import ExitStack

import nbformat

from autograder.course import Course
from autograder.examine.plan import automatic, exercise, indices, not_run, planned, told_of
from autograder.examine.trained_models import TrainedModels
from autograder.intake.checkpoints import checkpoints
from autograder.intake.folder import Folder
from autograder.judging.rubric import run_suite
from autograder.kernel.session import Session
from autograder.publish import attached, studies
from autograder.reporting.report import Mark, Report, share
from autograder.sandbox import levels
from autograder.trained import similar


def examine(
    course: Course,
    notebook: nbformat.NotebookNode,
    files: dict[str, bytes],
    *,
    student: str,
    assignment: str,
    name: str,
    unjudged: Mapping[str, Exception] | None = None,
    log=print,
) -> Report:
    """Run a submission's notebook and the hidden suite on it, and return the report; never raises for what a submission does.

    Args:
        course: limits, data and thresholds.
        notebook: the submission as `intake` gives it; its outputs are filled in.
        files: copies of its checkpoints and modules for the kernel, {relative path: content}.
        student, assignment, name: whose submission of what, and the notebook's name.
        unjudged: by the variable of a trained model, what is raised where it is asked about, as no weights of it can be judged.
        log: called with a line whenever something was done.
    """
    started, own = time.monotonic(), time.process_time()
    points = {exercise(cell): float(cell.metadata.nbgrader.points) for cell in automatic(notebook)}
    known = {"student": student, "assignment": assignment, "notebook": name, "sandbox": course.sandbox}
    outcomes, notes, remarks, flags = [], [], [], []
    main, models = None, None
    try:
        with ExitStack() as stack:
            given = attached(assignment, course.root)  # the instructor's, whatever the submission carries
            plan, changed = planned(notebook, assignment, course.root)
            stack.enter_context(not_run(notebook, indices(notebook, studies(assignment, course.root))))
            main = stack.enter_context(Session(course, notebook, given | files, log, plan))
            stopped = main.run()
            told, also = told_of(notebook, stopped, main.errors, plan)
            # a given cell that was changed and works, as settings are, is nobody's concern
            remarks += [r for i, r in changed.items() if i not in plan.own or i in main.errors or i in stopped]
            notes, remarks = notes + told, remarks + also
            if course.training == "retrain" and (workplace := main.workplace()) is not None:
                # what was trained here; the decoder's kernel, and this one after a restart, need not train again
                trained, left_out = checkpoints(Folder(workplace), course.checkpoint_limit_mib * 2**20)
                files = files | trained
                main.files, notes = given | files, notes + left_out

            models = TrainedModels(
                course,
                main,
                notebook,
                plan,
                student=student,
                assignment=assignment,
                unjudged=unjudged or {},
                log=log,
            )
            outcomes = run_suite(
                assignment,
                main.student,
                secret=course.key,
                student_id=student,
                cells=points,
                evaluate=models.evaluation,
                progress=lambda outcome: log(
                    f"{outcome.status.value:7} {outcome.cell}: {outcome.test} ({outcome.seconds:.1f} s)"
                ),
            )
            models.look_again()
            if models.assigned_again:
                remarks.append(
                    f"{', '.join(sorted(models.assigned_again))}: assigned again after the exercise's test cell; what it meant there is graded."
                )
        marks = {cell: share(of, [o for o in outcomes if o.cell == cell]) for cell, of in points.items()}
        error = "\n".join(outcome.detail for outcome in outcomes if outcome.detail)
    except Exception as failure:  # ours: nobody loses a point for it
        marks = {
            cell: Mark(points=of, score=None, reason=f"an error of the grader ({type(failure).__name__})")
            for cell, of in points.items()
        }
        error = traceback.format_exc()
        log(f"not graded: {type(failure).__name__}: {failure}")
    found, computed = {}, time.process_time() - own + (main.computed if main else 0.0)
    for evaluation in models.evaluations if models else ():
        flags += evaluation.flags
        found |= {f"{evaluation.name}.{key}": float(value) for key, value in vars(evaluation.measurement).items()}
    if course.sandbox == "none":
        flags.append(levels.WARNING)
    return Report(
        **known,
        marks=marks,
        outcomes=outcomes,
        notes=notes,
        remarks=remarks,
        flags=flags,
        error=error,
        measurements=found,
        weights=similar.sketches(files),
        seconds=round(time.monotonic() - started, 1),
        processor_seconds=round(computed + (models.computed if models else 0.0), 1),
    )


def refused(
    course: Course, notebook: nbformat.NotebookNode, reason: str, *, student: str, assignment: str, name: str
) -> Report:
    """Return the report of a submission that could not be opened."""
    marks = {
        exercise(cell): Mark(points=float(cell.metadata.nbgrader.points), score=None, reason=reason)
        for cell in automatic(notebook)
    }
    return Report(student=student, assignment=assignment, notebook=name, marks=marks, sandbox=course.sandbox)
