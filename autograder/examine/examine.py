"""Examines one submission, from its notebook to its report.

The notebook runs in a kernel that holds neither tests nor expected values; the hidden suite runs here. A grade cell starts as not
graded and gets a score only from a finished suite; whatever else happens leaves it not graded, with the reason.
"""

import builtins
import functools
import time
import traceback
from collections.abc import Mapping
from contextlib import ExitStack, suppress

import nbformat
import torch

from autograder.course import Course
from autograder.examine.plan import automatic, exercise, indices, planned, told_of, untrained, without
from autograder.intake.checkpoints import checkpoints
from autograder.intake.folder import Folder
from autograder.judging.draw import Draw
from autograder.judging.rubric import run_suite
from autograder.kernel.failures import NotGraded, Raised, StudentError
from autograder.kernel.remote import Handle, Student
from autograder.kernel.session import Session
from autograder.publish import attached, illustrations
from autograder.reporting.report import Mark, Report, share
from autograder.sandbox import levels
from autograder.trained import likelihood, similar
from autograder.trained.weights import foreign

SLOW_S = 2  # a student's own cell that took longer is not run again where a model is measured, if that works


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
    started, own, sessions = time.monotonic(), time.process_time(), []
    points = {exercise(cell): float(cell.metadata.nbgrader.points) for cell in automatic(notebook)}
    known = {"student": student, "assignment": assignment, "notebook": name, "sandbox": course.sandbox}
    outcomes, notes, remarks, flags, measured, codes, names = [], [], [], [], {}, {}, set()
    try:
        with ExitStack() as stack:
            given = attached(assignment, course.root)  # the instructor's, whatever the submission carries
            plan, changed = planned(notebook, assignment, course.root)
            main = stack.enter_context(Session(course, notebook, given | files, log, plan))
            sessions.append(main)
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

            images = functools.cache(lambda: likelihood.held_out(course))
            # the public images moved by the secret: what a decoder holds of the former is of no use for these
            moved = functools.cache(
                lambda: likelihood.moved(course, Draw(course.key, student, assignment, "likelihood", "moved"))
            )

            def evaluate(model: str) -> likelihood.Evaluation:
                if unjudged and model in unjudged:
                    raise unjudged[model]
                if model not in measured:
                    log(f"measuring {model}: its decoder runs in kernels of its own")
                    measured[model] = measure(model)
                if isinstance(measured[model], (StudentError, NotGraded)):
                    raise measured[model]
                return measured[model]

            def all_codes() -> dict[str, tuple[torch.Tensor, torch.Tensor] | StudentError | NotGraded]:
                """Ask the encoders of all models, then end the kernel that saw the images: it must not meet one that decodes."""
                found = {}
                for model in likelihood.TRAINED[assignment]:
                    try:
                        encoder = _model(main.student, model).attribute("encoder")
                    except (StudentError, NotGraded) as error:
                        found[model] = error
                        continue
                    try:
                        found[model] = likelihood.posterior(encoder, torch.cat([images(), moved()]))
                    except Raised as error:  # its text may hold what nobody is to see
                        kind = error.kinds[0] if error.kinds and hasattr(builtins, error.kinds[0]) else "an exception"
                        found[model] = Raised(
                            f"{model}.encoder raised {kind} on held-out images; its text is not shown."
                        )
                    except (StudentError, NotGraded) as error:
                        found[model] = error
                again()
                main.restart()
                return found

            def again() -> None:
                with suppress(StudentError, NotGraded):
                    names.update(main.student.assigned_again() if main.workplace() else ())

            def measure(model: str) -> likelihood.Evaluation | StudentError | NotGraded:
                if why := foreign(files, model, course):
                    return NotGraded(why)
                if why := untrained(notebook, main.errors, model):
                    return StudentError(
                        f"{model} has no trained weights to judge: {plan.place(why[0])} stopped with {why[1]}"
                    )
                if not codes:
                    codes.update(all_codes())
                if isinstance(codes[model], (StudentError, NotGraded)):
                    return codes[model]
                prior = likelihood.TRAINED[assignment][model]
                draw = Draw(course.key, student, assignment, "likelihood", model)
                shown = illustrations(assignment, course.root)
                slow = {index for index in plan.own if main.seconds.get(index, 0) > SLOW_S}
                for left_out in (plan.once | slow | indices(notebook, shown), frozenset()):
                    # a session for each model: one that saw another model's codes could have been told the images by them
                    with Session(course, without(notebook, left_out), given | files, log, plan, main.deadline) as apart:
                        sessions.append(apart)
                        apart.student.exercise = main.student.exercise
                        found = _evaluate(course, codes[model], images(), moved(), apart, model, prior, draw)
                    if not isinstance(found, StudentError):
                        break  # else again with all cells: the student's own may need what another cell defines
                return found

            outcomes = run_suite(
                assignment,
                main.student,
                secret=course.key,
                student_id=student,
                cells=points,
                evaluate=evaluate,
                progress=lambda outcome: log(
                    f"{outcome.status.value:7} {outcome.cell}: {outcome.test} ({outcome.seconds:.1f} s)"
                ),
            )
            again()
            if names:
                remarks.append(
                    f"{', '.join(sorted(names))}: assigned again after the exercise's test cell; what it meant there is graded."
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
    found = {}
    for model, evaluation in measured.items():
        if isinstance(evaluation, likelihood.Evaluation):
            flags += evaluation.flags
            found |= {f"{model}.{key}": float(value) for key, value in vars(evaluation.measurement).items()}
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
        processor_seconds=round(time.process_time() - own + sum(session.computed for session in sessions), 1),
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


def _evaluate(
    course: Course,
    codes: tuple[torch.Tensor, torch.Tensor],
    images: torch.Tensor,
    moved: torch.Tensor,
    apart: Session,
    name: str,
    prior: str | None,
    draw: Draw,
) -> likelihood.Evaluation | StudentError | NotGraded:
    """Measure a trained model by the codes of images: its prior and decoder live in kernels that see no image."""
    started = []

    def fresh_decoder():
        if started:
            apart.restart()
        started.append(True)
        return _model(apart.student, name).attribute("decoder")

    try:
        given = likelihood.prior_of(_model(apart.student, name), prior)
        found = likelihood.measure(codes, fresh_decoder, images, draw, given, moved)
        return likelihood.evaluation(found, course, name)
    except (StudentError, NotGraded) as error:
        return error


def _model(student: Student, name: str) -> Handle:
    model = student.object(name)
    model.eval()
    return model
