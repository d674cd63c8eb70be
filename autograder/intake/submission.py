"""Opens submissions: finds the notebook that holds the work, and says what was taken, what was not, and what a person has to decide.

How files are read stands in `folder`, a notebook in `cells`, what lies beside it in `beside`, its time in `times`; nbgrader's exporter
calls all of them. Not seen here: a student who sets the clock of the notebook back together with its timestamp.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field

import nbformat

from autograder.course import Course
from autograder.intake.beside import Beside, find_modules
from autograder.intake.cells import answered, likeness
from autograder.intake.checkpoints import Model, find_checkpoints
from autograder.intake.folder import Folder, Refused, notebooks, some
from autograder.intake.notebook import read_notebook
from autograder.publish import attached
from lab import BUDGETS

MAX_CANDIDATES = 10  # notebooks that are read in search of a missing one


class Undecided(Refused):
    """It is not certain which file is meant: a person has to decide."""


@dataclass
class Submission:
    """What is known of one notebook of a submission when it is examined."""

    top: Folder
    refusal: str = ""
    notes: list[str] = field(default_factory=list)  # for student and instructor
    flags: list[str] = field(default_factory=list)  # for the instructor to look at
    folder: Folder = field(init=False)  # in which the notebook lies, the submission's or one in it
    unplaced: dict[str, str] = field(default_factory=dict)  # written answers that a person has to look for, and why
    models: list[Model] = field(default_factory=list)  # that the assignment's notebook trains

    def __post_init__(self):
        self.folder = self.top


def find_notebook(
    folder: Folder, name: str, release: nbformat.NotebookNode, others: Collection[str], limit: int
) -> tuple[str, nbformat.NotebookNode, list[str]]:
    """Return the path of a submission's notebook, the notebook, and what an instructor should look at.

    Where its name is missing, the one other notebook that holds half of the release's cells is taken for it; of several, the one that was
    worked on. Where it has its name and is as it was given out, and another one was worked on, a person has to decide.

    Args:
        folder: of the submission.
        name: that the notebook has in the release.
        release: the notebook of this name.
        others: names of the release's other notebooks.
        limit: bytes of a notebook.
    Raises:
        Refused: it is missing, cannot be read, or is not a notebook.
        Undecided: more than one could be meant.
    """
    fitting = {}
    paths = folder.paths()
    candidates = sorted(notebooks(paths, [name, *others]), key=lambda path: not path.lower().endswith(".ipynb"))
    given = folder.status(name) is not None
    notebook = None
    refusal = None
    if given:
        try:
            notebook = read_notebook(folder.read(name, limit), name)
        except Refused as reason:
            refusal = reason
    work = answered(notebook, release) if notebook is not None else 0
    for path in candidates[:MAX_CANDIDATES]:
        with suppress(Refused):
            other = read_notebook(folder.read(path, limit), path)
            if likeness(other, release) >= 0.5:
                fitting[path] = other
    amounts = {path: answered(other, release) for path, other in fitting.items()}
    worked = [path for path, amount in amounts.items() if amount]
    if refusal is not None:
        raise Refused(f"{refusal}. {some(fitting)} lies beside it" if fitting else str(refusal))
    if given and not work and worked:
        raise Undecided(
            f"{name} is as it was given out, and the work is in {some(worked)}: a person decides which counts. To have it graded, rename it to "
            f"{name} in the folder of the submission"
        )
    if notebook is not None:
        fuller = [path for path, amount in amounts.items() if amount > work]
        flags = [f"{some(fuller)} beside {name} holds more answers than it does: is that the work?"] * bool(fuller)
        return name, notebook, flags
    chosen = worked if len(worked) == 1 else list(fitting)
    if len(chosen) == 1:
        return chosen[0], fitting[chosen[0]], []
    if fitting:
        raise Undecided(f"{name} is missing, and each of {some(chosen)} could be it. Hand in one, as {name}")
    found = [path for path in paths if path not in ("timestamp.txt", "submission_secret.txt")]  # not the student's
    raise Refused(f"{name} is missing; found: {some(found)}. Hand in the notebook as {name}")


def handed_in(course: Course, notebook: nbformat.NotebookNode, submission: Submission, assignment: str) -> Beside:
    """Return what lies beside a submission's notebook for its kernel; what is said of it is added to the submission."""
    found = find_modules(submission.folder, attached(assignment, course.root))
    if course.training == "weights":
        code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        limit = course.checkpoint_limit_mib * 2**20
        epochs = BUDGETS[course.budget].epochs
        found += find_checkpoints(submission.top, submission.folder, submission.models, code, epochs, limit)
    submission.notes += found.notes
    submission.flags += found.unclear.values()
    submission.flags += [f"the answer {name} needs a person: {why}" for name, why in submission.unplaced.items()]
    return found
