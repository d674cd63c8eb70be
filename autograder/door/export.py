"""`nbgrader export`: scores leave the gradebook. What has no grade is never written as a zero."""

import csv
from collections.abc import Iterable

from nbgrader.api import Grade, Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.plugins import ExportPlugin

COLUMNS = (  # nbgrader's own, in its order
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)


def waiting(grades: Iterable[Grade]) -> list[Grade]:
    """Return the grades without a score, neither the grader's nor a person's."""
    return [grade for grade in grades if grade.auto_score is None and grade.manual_score is None]


def automatic(grade: Grade) -> bool:
    """Return whether the hidden suite decides a grade: no student writes into its cell."""
    written = {cell.name for cell in grade.cell.notebook.solution_cells}
    return grade.cell.cell_type == "code" and grade.cell.name not in written


def without_score(submission: SubmittedAssignment) -> bool:
    """Return whether an automatic cell of a submission has no score, so that the submission counts as not graded."""
    return any(automatic(grade) for notebook in submission.notebooks for grade in waiting(notebook.grades))


def score_of(submission: SubmittedAssignment) -> float | None:
    """Return the score of a submission, less what a late one loses; None where it has none."""
    if without_score(submission):
        return None
    return round(max(0.0, submission.score - (submission.late_submission_penalty or 0.0)), 2)


class Csv(ExportPlugin):
    """`nbgrader export`: nbgrader's table, with blanks for what is not graded or was not handed in."""

    def export(self, gradebook: Gradebook) -> None:
        """Write a row for each assignment and student, to --to or grades.csv."""
        path = self.to or "grades.csv"
        self.log.info("Exporting grades to %s", path)
        students, assignments = ({str(name) for name in names} for names in (self.student, self.assignment))
        blank = 0
        with open(path, "w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS, lineterminator="\n")  # quotes names that hold a comma
            table.writeheader()
            for assignment in gradebook.assignments:
                for student in gradebook.students:
                    chosen = (not assignments or assignment.name in assignments) and (
                        not students or student.id in students
                    )
                    if chosen:
                        row = _row(gradebook, assignment, student)
                        blank += row["score"] == ""
                        table.writerow(row)
        if blank:
            self.log.warning(
                "%d rows have no score: not graded, or not handed in. `python -m autograder grades ASSIGNMENT` says why",
                blank,
            )


def _row(gradebook: Gradebook, assignment, student) -> dict[str, str]:
    row = {
        "assignment": assignment.name,
        "duedate": assignment.duedate,
        "student_id": student.id,
        "last_name": student.last_name,
        "first_name": student.first_name,
        "email": student.email,
        "max_score": round(assignment.max_score, 2),
    }
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        submission = None
    if submission is not None:
        row["timestamp"] = submission.timestamp
        if (score := score_of(submission)) is not None:
            row["raw_score"] = round(submission.score, 2)
            row["late_submission_penalty"] = round(submission.late_submission_penalty or 0.0, 2)
            row["score"] = score
    return {key: "" if row.get(key) is None else str(row[key]) for key in COLUMNS}
