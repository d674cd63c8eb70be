"""What `nbgrader generate_assignment` writes into a released notebook, and puts beside it; `publish` says what that is."""

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.door.configured import Configured
from autograder.placeholders import filled
from autograder.publish import CHOICES, REQUIREMENTS, attached, choices, requirements


class StatePoints(NbGraderPreprocessor):
    """Write points where texts leave a place for them, before the gradebook keeps the texts of locked cells."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Return the notebook with numbers in its texts, and the resources as they are."""
        return filled(nb), resources


class AttachLab(Configured, NbGraderPreprocessor):
    """Put `lab`, what it needs, and earlier solutions beside the released notebook; nbconvert's writer writes what stands in resources["outputs"]."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Return the notebook as it is and the resources with the attached files."""
        files = attached(resources["nbgrader"]["assignment"], self.course.root)
        files |= {CHOICES: choices(self.course), REQUIREMENTS: requirements()}
        resources["outputs"] = {**(resources.get("outputs") or {}), **files}
        return nb, resources
