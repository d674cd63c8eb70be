"""Writes points into the texts of a source notebook where these leave a place for them: points stand in the cells' metadata alone.

    {points}            of the section that the text opens, in words: "3 points", "1 point"
    {points of elbo}    the number alone, of the section that the cell elbo_text opens

A text opens a section with a heading in its first line. The section ends before the next text whose heading is of the same level or a
higher one, so an exercise counts its test cell, `## Written questions` all its questions, and the title the whole notebook.
"""

import re

from nbformat import NotebookNode

PLACE = re.compile(r"\{points(?: of (\w+))?\}")
HEADING = re.compile(r"(#+) ")


def filled(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook with numbers in the places of its texts; answers and code stay as they are.

    Raises:
        ValueError: a place means no section; the message names the cell.
    """
    sections = {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and not cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = PLACE.sub(lambda place, cell=cell: _stated(notebook, cell, place[1], sections), cell.source)
    return notebook


def _stated(notebook: NotebookNode, cell: NotebookNode, name: str | None, sections: dict[str, float]) -> str:
    if not sections:
        sections |= _points(notebook)
    opener = f"{name}_text" if name else cell.id
    if opener not in sections:
        problem = (
            "its first line has to be a heading"
            if name is None
            else f"there is no text {opener} that begins with a heading"
        )
        raise ValueError(f"the text {cell.id} asks for {{points{f' of {name}' if name else ''}}}: {problem}")
    number = f"{sections[opener]:g}"
    return number if name else f"{number} point{'' if number == '1' else 's'}"


def _points(notebook: NotebookNode) -> dict[str, float]:
    """Return the points of each section, by the id of the text that opens it."""
    points, open_sections = {}, []  # of (level, id)
    for cell in notebook.cells:
        heading = HEADING.match(cell.source) if cell.cell_type == "markdown" else None
        if heading and not cell.metadata.get("nbgrader", {}).get("solution"):
            level = len(heading[1])
            open_sections = [section for section in open_sections if section[0] < level] + [(level, cell.id)]
            points[cell.id] = 0
        for _, name in open_sections:
            points[name] += cell.metadata.get("nbgrader", {}).get("points", 0)
    return points
