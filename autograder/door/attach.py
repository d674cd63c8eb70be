"""What `nbgrader generate_assignment` puts beside a released notebook; `publish` says what that is."""

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.door.configured import Configured
from autograder.publish import CHOICES, attached, choices


class AttachLab(Configured, NbGraderPreprocessor):
    """Put `lab` and earlier solutions beside the released notebook; nbconvert's writer writes what stands in resources["outputs"]."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Return the notebook as it is and the resources with the attached files."""
        files = attached(resources["nbgrader"]["assignment"], self.course.root) | {CHOICES: choices(self.course)}
        resources["outputs"] = {**(resources.get("outputs") or {}), **files}
        return nb, resources
