"""Examines a submission in the place of nbgrader's Execute, and saves its scores in the place of nbgrader's SaveAutoGrades."""

from collections.abc import Callable

import nbformat
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from nbgrader.utils import is_solution

from autograder import interrupt
from autograder.door.configured import Configured
from autograder.door.news import DETAIL
from autograder.examine import apart, stored
from autograder.examine.examine import refused
from autograder.examine.plan import automatic, exercise
from autograder.examine.stored import Examination
from autograder.intake.submission import handed_in
from autograder.reporting import display, shared
from autograder.reporting.report import Report, cell_html, cell_text, summary
from autograder.text import printable


class Examine(Configured, NbGraderPreprocessor):
    """Examines the notebook of one submission and writes the result into its grade cells."""

    def preprocess(self, nb, resources):
        """Return the executed notebook; its report is stored, and handed on in resources["report"]."""
        course, who = self.course, resources["nbgrader"]
        known = {"student": who["student"], "assignment": who["assignment"], "name": who["notebook"]}
        reports, submission, run = course.root / "reports", resources["submission"], who.get("run") or stored.Run()
        if submission.refusal:
            report = refused(course, nb, submission.refusal, **known)
        else:
            beside = handed_in(course, nb, submission, who["assignment"])

            def log(line: str) -> None:
                self.log.info("%s: %s", who["student"], printable(line), extra=DETAIL)

            one = Examination(course, nb, beside.files, **known, unjudged=beside.unjudged)
            try:
                with interrupt.allowed():
                    report, nb = _examined(one, run, log)
            except apart.Lost as lost:
                log(f"not graded: {lost}")
                report = refused(course, nb, str(lost), **known)
        key = who["assignment"], who["notebook"]
        if key not in run.seen:
            run.seen[key] = shared.Seen(reports, *key)
        flags = [f"{shared.SAME} {other}" for other in run.seen[key].same(report)]
        told = {"remarks": submission.notes + report.remarks, "flags": submission.flags + report.flags + flags}
        report = report.model_copy(update=told | {"submission": who.get("digest", "")})
        report.save(reports)
        display.plain(nb, display.machine_paths(course))
        for cell in automatic(nb):
            cell.outputs = [_output(report, exercise(cell))]
        nb.cells.insert(0, nbformat.v4.new_markdown_cell(summary(report), id="result"))
        resources["report"] = report
        return nb, resources


def _examined(one: Examination, run: stored.Run, log: Callable[[str], None]) -> tuple[Report, nbformat.NotebookNode]:
    """Return the report and the executed notebook of an examination: a result that is kept, or else examine now.

    Raises:
        apart.Lost: it could not be examined.
    """
    if one.digest in run.lost:
        raise apart.Lost(run.lost[one.digest])
    if (found := stored.result(one, run)) is not None:
        log("examined before, and nothing of it has changed" if one.digest not in run.examined else "examined")
        return found
    known = {"student": one.student, "assignment": one.assignment, "name": one.name, "unjudged": one.unjudged}
    report, notebook = apart.examined(one.course, one.notebook, dict(one.files), **known, log=log)
    stored.save(one, report, notebook)
    return report, notebook


class SaveScores(SaveAutoGrades):
    """Saves the scores of the report; "not graded" is stored as needing manual grading, never as a zero."""

    def _add_score(self, cell, resources):
        report = resources.get("report")
        if cell.cell_type != "code" or is_solution(cell):
            super()._add_score(cell, resources)
            if report is not None and report.outcomes and not _unplaced(cell, resources):
                return
            score = None  # an unreadable submission is no empty answer, nor is one that stands elsewhere
        else:
            mark = report.marks.get(exercise(cell)) if report is not None else None
            score = mark.score if mark is not None else None
        name = cell.metadata["nbgrader"]["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        grade.auto_score = score
        grade.needs_manual_grade = score is None or grade.manual_score is not None
        self.gradebook.db.commit()

    def _add_comment(self, cell, resources):
        super()._add_comment(cell, resources)
        if why := _unplaced(cell, resources):
            name = cell.metadata["nbgrader"]["grade_id"]
            comment = self.gradebook.find_comment(name, self.notebook_id, self.assignment_id, self.student_id)
            comment.auto_comment = f"Not graded: {why}. This is not a zero; your instructor will look at it."
            self.gradebook.db.commit()


def _unplaced(cell, resources) -> str:
    """Return why a written answer has to be looked for by a person; empty where it has not."""
    submission = resources.get("submission")
    return submission.unplaced.get(cell.metadata["nbgrader"]["grade_id"], "") if submission is not None else ""


def _output(report: Report, cell: str) -> nbformat.NotebookNode:
    score = report.marks[cell].score
    kind, count = ("execute_result", {"execution_count": None}) if score is not None else ("display_data", {})
    text = f"{score}" if score is not None else cell_text(report, cell)
    return nbformat.v4.new_output(kind, data={"text/plain": text, "text/html": cell_html(report, cell)}, **count)
