"""`nbgrader generate_feedback`: the page that a student gets, from the gradebook, the report and the graded notebook.

What the page says is decided in `reporting.feedback`, how it looks in `reporting/templates/feedback`.
"""

import re
from pathlib import Path

from markupsafe import Markup, escape
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbgrader.api import Gradebook, SubmittedNotebook
from nbgrader.preprocessors import ClearMarkScheme, GetGrades
from nbgrader.utils import is_grade, is_locked, is_solution

from autograder.course import Course
from autograder.door.configured import Configured
from autograder.door.export import automatic, waiting
from autograder.reporting import feedback
from autograder.reporting.report import Report

STUB = 'raise NotImplementedError("write your answer here")'  # in the place of a solution that is to be written
TEMPLATES = Path(feedback.__file__).with_name("templates")


class Sheet(Configured, GetGrades):
    """Puts a sheet into the resources, and the notebook's cells into the order of the page."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Return the notebook with scores and comments, and the resources with `sheet` and, by exercise, `parts`; `rest` is all else."""
        nb, resources = super().preprocess(nb, resources)
        who = resources["nbgrader"]
        with Gradebook(who["db_url"], self.course.course_id) as gradebook:
            found = gradebook.find_submission_notebook(who["notebook"], who["assignment"], who["student"])
            submission = _submission(found, self.course, nb)
        path = self.course.root / "reports" / who["student"] / who["assignment"] / f"{who['notebook']}.json"
        try:
            report = Report.load(path)
        except (OSError, ValueError):  # the scores are there without it
            self.log.warning("%s: %s cannot be read, so the page gives no reasons", who["student"], path.name)
            report = None
        resources["sheet"] = feedback.sheet(submission, report)
        # what could not be read stands there as it was given out, and is no student's
        resources["parts"], resources["rest"] = parted(nb) if report is None or report.outcomes else ({}, [])
        return nb, resources


class HideMarkSchemes(ClearMarkScheme):
    """Leaves out the mark schemes of locked cells; what a student writes between such markers stays."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict, cell_index: int) -> tuple[NotebookNode, dict]:
        """Return the cell without its mark scheme."""
        return super().preprocess_cell(cell, resources, cell_index) if is_locked(cell) else (cell, resources)


class FeedbackPage(HTMLExporter):
    """The exporter of feedback pages. nbgrader gives the template's name; the folder in which it is looked for is ours."""

    def default_filters(self):
        """Yield the filters of nbconvert, how points and sentences are written, and what a cleaned text needs within the page."""
        yield from super().default_filters()
        yield "number", feedback.number
        yield "coded", coded
        yield "within", within


def coded(text: str) -> Markup:
    """Return a sentence as HTML: what stands between backquotes is code, and all else as it is."""
    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escape(text))))


def within(text: str, top: int = 4) -> str:
    """Return clean HTML, in which these tags have no attributes, with headings from level `top` on and with what scrolls in reach of keys."""
    levels = [int(level) for level in re.findall(r"<h([1-6])>", text)]
    lower = top - min(levels, default=top)
    text = re.sub(r"<(/?)h([1-6])>", lambda tag: f"<{tag[1]}h{min(max(int(tag[2]) + lower, top), 6)}>", text)
    return re.sub(r'<(pre|math display="block")>', r'<\1 tabindex="0">', text)


def parted(notebook: NotebookNode) -> tuple[dict[str, list[NotebookNode]], list[NotebookNode]]:
    """Return the cells that belong to each grade cell, by its name, and all others, in the notebook's order.

    To an exercise belong the answers above its grade cell, but for those that are as they were given out; to a written answer its question, and itself.
    """
    parts, rest, answers = {}, [], []
    summary = notebook.cells[:1] if notebook.cells and notebook.cells[0].get("id") == "result" else []
    for cell in notebook.cells[len(summary) :]:  # which was true when it was written, and is for formgrader
        if is_grade(cell):
            question = [rest.pop()] if is_solution(cell) and rest and is_locked(rest[-1]) else []
            own = [cell] if is_solution(cell) else []
            written = [answer for answer in answers if STUB not in answer.source]
            parts[cell.metadata.nbgrader.grade_id] = [*question, *written, *own]
            answers = []
        elif is_solution(cell):
            answers.append(cell)
        else:
            rest.append(cell)
    return parts, rest + answers


def _submission(found: SubmittedNotebook, course: Course, notebook: NotebookNode) -> feedback.Submission:
    """Return what the gradebook has on a submission."""
    whole, student = found.assignment, found.student
    order = [c.metadata.nbgrader.grade_id for c in notebook.cells if is_grade(c)]
    comments = {comment.name: comment.comment or "" for comment in found.comments}
    grades = [
        feedback.Grade(
            cell=grade.name,
            points=grade.max_score,
            score=None if waiting([grade]) else grade.score,
            written=not automatic(grade),
            changed=automatic(grade) and grade.manual_score is not None,
            comment=comments.get(grade.name, ""),
        )
        for grade in sorted(found.grades, key=lambda g: order.index(g.name) if g.name in order else len(order))
    ]
    return feedback.Submission(
        student=student.id,
        name=" ".join(filter(None, (student.first_name, student.last_name))),
        course=course.course_id,
        assignment=whole.assignment.name,
        grades=grades,
        score=found.score,
        points=found.max_score,
        penalty=found.late_submission_penalty or 0.0,
        handed_in=whole.timestamp,
        due=whole.duedate,
        late_s=late_s if (late_s := whole.total_seconds_late) > 60 * course.late_grace_minutes else 0.0,
        zone=course.time_zone,
    )
