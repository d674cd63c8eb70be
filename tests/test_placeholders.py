"""Points in the texts of a source notebook."""

import nbformat
import pytest

from autograder.placeholders import filled


def notebook(*cells):
    """Return a notebook of (id, text) and of (id, text, points), which are answers where the id says so."""
    made = []
    for name, text, *points in cells:
        cell = nbformat.v4.new_code_cell(text) if name.startswith("test_") else nbformat.v4.new_markdown_cell(text)
        cell.id = name
        if points:
            cell.metadata.nbgrader = {"grade": True, "solution": name.startswith("written_"), "points": points[0]}
        made.append(cell)
    return nbformat.v4.new_notebook(cells=made)


COURSE = (
    ("opening", "# Title\n\n**{points}** | {points of one} | {points of two} | {points of written} |"),
    ("one_text", "## One ({points}, 5 minutes)"),
    ("test_one", "assert one({points})", 1),
    ("test_more", "assert True", 1.5),
    ("two_text", "## Two ({points})\n\n### No heading of its own ({points})"),
    ("test_two", "assert two", 1),
    ("aside", "## No points: {points}"),
    ("written_text", "## Questions ({points})"),
    ("question_a", "### A ({points})"),
    ("written_a", "Set {points} here", 1),
    ("question_b", "### B ({points})"),
    ("written_b", "I think", 2),
)


def test_points_are_those_of_the_section():
    """Each place has the sum of what follows up to the next heading of its level; one is "point", all others "points"."""
    texts = {cell.id: cell.source for cell in filled(notebook(*COURSE)).cells}
    assert texts["opening"] == "# Title\n\n**6.5 points** | 2.5 | 1 | 3 |"
    assert texts["one_text"] == "## One (2.5 points, 5 minutes)"
    assert texts["two_text"] == "## Two (1 point)\n\n### No heading of its own (1 point)"
    assert texts["aside"] == "## No points: 0 points"
    assert texts["written_text"] == "## Questions (3 points)"
    assert (texts["question_a"], texts["question_b"]) == ("### A (1 point)", "### B (2 points)")


def test_answers_and_code_are_left_alone():
    """Only the course's own texts have places."""
    texts = {cell.id: cell.source for cell in filled(notebook(*COURSE)).cells}
    assert (texts["test_one"], texts["written_a"]) == ("assert one({points})", "Set {points} here")


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (
            ("opening", "# Title {points of oen}"),
            "the text opening asks for {points of oen}: there is no text oen_text",
        ),
        (("note", "Worth {points}"), "the text note asks for {points}: its first line has to be a heading"),
    ],
)
def test_place_that_means_nothing_is_named(cell, problem):
    """The author reads which cell asks for what."""
    with pytest.raises(ValueError, match=problem.replace("{", r"\{")):
        filled(notebook(cell, ("one_text", "## One"), ("test_one", "assert one", 1)))


def test_notebook_without_places_stays_as_it_is():
    """Mathematics in braces is no place."""
    cells = (("opening", r"# Title\n\n$\mathcal{N}(0, I)$ {point} {total}"), ("test_one", "assert one", 1))
    assert filled(notebook(*cells)) == notebook(*cells)
