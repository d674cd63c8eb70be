"""How the course's configuration reaches our classes in nbgrader: as a trait, which nbgrader's configuration carries to all of them."""

from traitlets import Instance, default
from traitlets.config import Configurable

from autograder.course import Course


class Configured(Configurable):
    """A class of ours that nbgrader makes; `c.Configured.course` of nbgrader_config.py is the course of all of them."""

    course = Instance(Course, help="what course_config.py holds").tag(config=True)

    @default("course")
    def _missing(self) -> Course:
        raise RuntimeError("nbgrader_config.py of the course was not read: run nbgrader in the course's folder")
