"""The one form of known mistakes: what a file of them says, and the submissions it makes."""

import textwrap

import pytest

from autograder import catalogue
from autograder.judging import known
from tests import suites


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Return a function that makes an assignment of one exercise, f, with this file of mistakes, and returns them by name."""

    def told(mistakes, solution="def f(x):\n    return x + 1\n"):
        (tmp_path / "suite" / "toy" / "mistakes").mkdir(parents=True)
        (tmp_path / "suite" / "toy" / "mistakes" / "f.py").write_text(textwrap.dedent(mistakes))
        (tmp_path / "solutions").mkdir()
        (tmp_path / "solutions" / "toy.py").write_text(textwrap.dedent(solution))
        return known.of("toy")

    monkeypatch.setattr(catalogue, "SUITE", tmp_path / "suite")
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    known._told.cache_clear()
    yield told
    known._told.cache_clear()


def test_mistake_stands_in_the_place_of_the_right_function(told):
    """The submission is the reference with the one wrong function, which may use `true` and helpers of its file."""
    mistakes = told(
        """
        def twice(x):
            return 2 * x


        @mistake("It is doubled.")
        def doubled(x):
            return twice(true(x))


        @mistake("It is zero.", also=["g"], keeps={"f": (0.2, 0.5)}, also_said=["nothing"])
        def zero(x):
            return 0
        """
    )
    assert mistakes["doubled"].submission()["f"](3) == 8
    assert mistakes["zero"].submission()["f"](3) == 0
    assert catalogue.solution("toy")["f"](3) == 4
    assert (mistakes["doubled"].say, mistakes["doubled"].fails) == ("It is doubled.", {"f"})
    assert (mistakes["zero"].fails, mistakes["zero"].keeps) == ({"f", "g"}, {"f": (0.2, 0.5)})


def test_method_or_class_is_replaced_where_the_file_says_so(told):
    """TARGET names what all mistakes of a file replace, `target` what one of them does."""
    mistakes = told(
        """
        TARGET = "A.f"


        @mistake("One is missing.", fails=["other"])
        def missing(self, x):
            return x


        @mistake("It is made wrongly.", target="A.__init__")
        def made_wrongly(self):
            self.one = 2


        @mistake("All is wrong.", target="A")
        class all_wrong(A):
            def f(self, x):
                return super().f(x) + 5
        """,
        solution="""
        class A:
            def __init__(self):
                self.one = 1

            def f(self, x):
                return x + self.one
        """,
    )
    answers = {name: mistake.submission()["A"]().f(3) for name, mistake in mistakes.items()}
    assert answers == {"missing": 3, "made_wrongly": 5, "all_wrong": 9}
    assert mistakes["missing"].fails == {"other"}
    assert mistakes["missing"].code() == "def f(self, x):\n    return x\n\n\nA.f = f"


def test_names_of_a_file_change_nothing_of_the_solution(told):
    """A helper or a mistake that is called like a function of the solution leaves that function alone."""
    mistakes = told(
        """
        def g(x):
            return 100


        @mistake("It is wrong.")
        def wrong(x):
            return -x
        """,
        solution="""
        def g(x):
            return x


        def f(x):
            return g(x)
        """,
    )
    assert mistakes["wrong"].submission()["g"](3) == 3


def test_code_is_what_a_student_would_write(told):
    """Decorators of the function stay, the sentence does not."""
    mistakes = told(
        """
        @mistake("It is kept.")
        @cached
        def kept(x):
            return x
        """,
        solution="from functools import cache as cached\n\ndef f(x):\n    return 1\n",
    )
    assert mistakes["kept"].code() == "@cached\ndef f(x):\n    return x"


@pytest.mark.parametrize("assignment", catalogue.every())
def test_files_are_called_like_exercises(assignment):
    """Each file of mistakes is one exercise's, and all mistakes fail exercises that there are."""
    exercises = set(suites.Suite(assignment).cells.values())
    for mistake in known.of(assignment).values():
        assert {mistake.exercise, *mistake.fails} <= exercises
        assert mistake.say or mistake.message or not mistake.also_said
