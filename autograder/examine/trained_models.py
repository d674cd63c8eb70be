"""A submission's trained models, each measured once, when a hidden test asks for it.

The encoders of all models answer first, in the kernel that ran the notebook; it has seen held-out images then, and ends before a decoder is
asked, in kernels of its own that never see one.
"""

import builtins
import functools
from collections.abc import Callable, Mapping
from contextlib import suppress

import nbformat
import torch

from autograder import catalogue
from autograder.catalogue import LearnedPrior
from autograder.course import Course
from autograder.examine.plan import checks, indices, untrained, without
from autograder.judging.draw import Draw
from autograder.kernel.failures import NotGraded, Raised, StudentError
from autograder.kernel.remote import Handle, Student
from autograder.kernel.session import Plan, Session
from autograder.publish import illustrations
from autograder.trained import gates, likelihood
from autograder.trained.gates import Evaluation
from autograder.trained.prior import prior_of
from autograder.trained.weights import foreign

SLOW_S = 2  # a student's own cell that took longer is not run again where a model is measured, if that works
Codes = tuple[torch.Tensor, torch.Tensor]


class TrainedModels:
    """The trained models of one submission.

    Args:
        course: limits, data and thresholds.
        main: ran the notebook.
        notebook, plan: what it ran.
        student, assignment: whose submission of what.
        unjudged: by model, what is raised where it is asked about, as no weights of it can be judged.
        log: called with a line whenever something was done.
    Attributes:
        computed: processor seconds of the kernels that were started here.
        assigned_again: names of exercises that were assigned again after their test cell.
    """

    def __init__(
        self,
        course: Course,
        main: Session,
        notebook: nbformat.NotebookNode,
        plan: Plan,
        *,
        student: str,
        assignment: str,
        unjudged: Mapping[str, Exception],
        log: Callable[[str], None],
    ):
        self.computed = 0.0
        self.assigned_again: set[str] = set()
        self._course, self._main, self._notebook, self._plan = course, main, notebook, plan
        self._student, self._assignment, self._unjudged, self._log = student, assignment, unjudged, log
        self._models = catalogue.models([assignment])
        self._found: dict[str, Evaluation | StudentError | NotGraded] = {}

    @property
    def evaluations(self) -> list[Evaluation]:
        """What was measured."""
        return [found for found in self._found.values() if isinstance(found, Evaluation)]

    def evaluation(self, model: str) -> Evaluation:
        """Return what a model is worth.

        Raises:
            StudentError: it does not answer as agreed.
            NotGraded: nothing can be judged.
        """
        if model in self._unjudged:
            raise self._unjudged[model]
        if model not in self._found:
            self._log(f"measuring {model}: its decoder runs in kernels of its own")
            self._found[model] = self._measure(model)
        found = self._found[model]
        if isinstance(found, (StudentError, NotGraded)):
            raise found
        return found

    def look_again(self) -> None:
        """Note which exercises' names the notebook's kernel has assigned again; a kernel that is gone says nothing."""
        with suppress(StudentError, NotGraded):
            self.assigned_again.update(self._main.student.assigned_again() if self._main.workplace() else ())

    @functools.cached_property
    def _images(self) -> torch.Tensor:
        return likelihood.held_out(self._course)

    @functools.cached_property
    def _moved(self) -> torch.Tensor:
        """The public images moved by the secret: what a decoder holds of the former is of no use for these."""
        return likelihood.moved(self._course, self._draw("moved"))

    def _draw(self, what: str) -> Draw:
        return Draw(self._course.key, self._student, self._assignment, "likelihood", what)

    @functools.cached_property
    def _codes(self) -> dict[str, Codes | StudentError | NotGraded]:
        """Ask the encoders of all models, then end the kernel that saw the images: it must not meet one that decodes."""
        found = {}
        for model in self._models:
            try:
                encoder = _model(self._main.student, model).attribute("encoder")
            except (StudentError, NotGraded) as error:
                found[model] = error
                continue
            try:
                found[model] = likelihood.posterior(encoder, torch.cat([self._images, self._moved]))
            except Raised as error:  # its text may hold what nobody is to see
                kind = error.kinds[0] if error.kinds and hasattr(builtins, error.kinds[0]) else "an exception"
                found[model] = Raised(f"{model}.encoder raised {kind} on held-out images; its text is not shown.")
            except (StudentError, NotGraded) as error:
                found[model] = error
        self.look_again()
        self._main.restart()
        return found

    def _measure(self, model: str) -> Evaluation | StudentError | NotGraded:
        main, plan = self._main, self._plan
        if why := foreign(main.files, model, self._course):
            return NotGraded(why)
        if why := untrained(self._notebook, main.errors, model):
            return StudentError(f"{model} has no trained weights to judge: {plan.place(why[0])} stopped with {why[1]}")
        codes = self._codes[model]
        if isinstance(codes, (StudentError, NotGraded)):
            return codes
        shown = indices(self._notebook, illustrations(self._assignment, self._course.root)) | checks(self._notebook)
        slow = {index for index in plan.own if main.seconds.get(index, 0) > SLOW_S}
        for left_out in (plan.once | slow | shown, frozenset()):
            # a session for each model: one that saw another model's codes could have been told the images by them
            notebook = without(self._notebook, left_out)
            with Session(self._course, notebook, main.files, self._log, plan, main.deadline) as apart:
                apart.learn(main)
                apart.student.exercise = main.student.exercise
                found = self._measure_in(apart, model, codes, self._models[model].prior)
            self.computed += apart.computed
            if not isinstance(found, StudentError):
                break  # else again with all cells: the student's own may need what another cell defines
        return found

    def _measure_in(
        self, apart: Session, model: str, codes: Codes, prior: LearnedPrior | None
    ) -> Evaluation | StudentError | NotGraded:
        """Measure a model by the codes of images: its prior and decoder live in kernels that see no image."""
        kernels = iter((lambda: None, apart.restart))  # the first decoder may have the prior's kernel

        def fresh_decoder() -> Handle:
            next(kernels)()
            return _model(apart.student, model).attribute("decoder")

        try:
            given = prior_of(_model(apart.student, model), prior)
            found = likelihood.measure(codes, fresh_decoder, self._images, self._draw(model), given, self._moved)
            return gates.evaluation(found, self._course, model)
        except (StudentError, NotGraded) as error:
            return error


def _model(student: Student, name: str) -> Handle:
    model = student.variable(name)
    model.eval()
    return model
