"""Mark schemes, moved from the text of a question to the answer that is graded by them."""

import re

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_locked, is_solution

SCHEME = re.compile(
    r"^[ #]*BEGIN MARK SCHEME[^\n]*\n(.*?)(?:^[ #]*END MARK SCHEME[^\n]*$|\Z)", re.MULTILINE | re.DOTALL
)


class Schemes(Preprocessor):
    """Puts the mark scheme of a locked cell into `mark_scheme` of the next written answer, where templates fold it."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Return the notebook; what a student writes between such markers stays where it is."""
        scheme = ""
        for cell in nb.cells:
            if is_locked(cell) and cell.cell_type == "markdown":
                found = SCHEME.findall(cell.source)
                cell.source = SCHEME.sub("", cell.source).strip() if found else cell.source
                scheme = "\n\n".join(map(str.strip, found)) or scheme
            elif is_grade(cell) and is_solution(cell):
                cell.metadata.nbgrader["mark_scheme"], scheme = scheme, ""
        return nb, resources
